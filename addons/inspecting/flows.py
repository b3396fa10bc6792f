"""Addon and observer: each exchange as a flow, so that mitmweb shows it, searches it and saves it.

Flows are views. They are made from what is known of an exchange, and nobody reads them back: what a person changes in
one changes nothing that leaves. They go into mitmproxy's list of flows, from which they are shown and saved, and to
no other addon: it might hold, change or answer one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import structlog
from mitmproxy import contentviews, ctx, flow, http

from addons.call import Call, Outcome
from addons.exchange.observing import Observed, Observer
from addons.foundry.envelope import ErrorFormat
from addons.inspecting import summary
from addons.inspecting.conversation_view import CUT, ConversationView
from addons.inspecting.flow_of_exchange import flow_of, plain, put_head, put_refusal
from addons.inspecting.list_comment import list_comment
from addons.inspecting.originals import LEFT, keep_left
from addons.inspecting.settings import InspectSettings

LOOK_EVERY: Final = 1.0  # seconds

_log = structlog.get_logger("sidecar.flows")


class Capture:
    """Keeps the first ``most`` bytes of what passes, and counts them all; ``shown`` of them are in the flow."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.kept = bytearray()
        self.total = 0
        self.shown = -1

    def __call__(self, chunk: bytes) -> None:
        self.total += len(chunk)
        self.kept += chunk[: self._most - len(self.kept)]


class Shown:
    """One exchange under way, and its flow. ``request`` is what the flow shows at the end, whatever became of it."""

    __slots__ = ("capture", "flow", "request")

    def __init__(self, flow: http.HTTPFlow, capture: Capture) -> None:
        self.flow = flow
        self.capture = capture
        self.request = flow.request.copy()

    def take_request(self) -> None:
        """From now on the request is as the flow has it."""
        self.request = self.flow.request.copy()
        self.forget_edits()

    def restore_request(self) -> None:
        self.flow.request = self.request
        self.forget_edits()

    def forget_edits(self) -> None:
        """A flow that is reverted goes back to what it was before a person's edit, without its answer and record."""
        self.flow._backup = None  # noqa: SLF001 - mitmproxy offers no way to keep the state that there is


class FlowViews(Observer):
    """``flows`` are those of the exchanges under way, by the call's id."""

    name = "sidecar-flows"

    def __init__(self, settings: InspectSettings, error_format: ErrorFormat) -> None:
        self._settings = settings
        self._error_format: ErrorFormat = error_format
        self._under_way: dict[str, Shown] = {}
        self._looking: asyncio.TimerHandle | None = None

    # hooks of mitmproxy's

    def running(self) -> None:
        contentviews.add(ConversationView)

    def done(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    # moments of an exchange

    def opened(self, exchange: Observed) -> None:
        shown = Shown(flow_of(exchange), Capture(self._settings.answer_bytes))
        self._under_way[exchange.call.id] = shown
        _mark_under_way(shown.flow, exchange.call)
        self._tell("add", [shown.flow])

    def received(self, exchange: Observed, body: bytes) -> None:
        if exchange.call.to == "provider":  # what is passed on to Foundry may hold credentials
            shown = self._under_way[exchange.call.id]
            shown.request.data.content = shown.flow.request.data.content = body
            self._tell("update", [shown.flow])

    def released(self, exchange: Observed) -> None:
        call, flow = exchange.call, self._under_way[exchange.call.id].flow
        assert call.outbound is not None
        flow.server_conn.address = (call.outbound.host, call.outbound.port)
        if call.to == "provider":
            keep_left(flow, call.outbound)
        _mark_under_way(flow, call)
        self._tell("update", [flow])

    def answer_begins(self, exchange: Observed) -> None:
        if exchange.relay.begun:
            shown = self._under_way[exchange.call.id]
            put_head(shown.flow, exchange)
            self._tell("update", [shown.flow])

    def answer_piece(self, exchange: Observed, payload: bytes) -> None:
        if exchange.relay.begun and exchange.call.to == "provider":
            self._under_way[exchange.call.id].capture(payload)
            if self._looking is None:
                self._look_later()

    def ended(self, exchange: Observed, record: Mapping[str, Any]) -> None:
        shown = self._under_way.pop(exchange.call.id)
        shown.flow.live = False
        try:
            self._put_end(shown, exchange, record)
        finally:
            self._tell("update", [shown.flow])
        self._remove_oldest(exchange.call.id)

    def _put_end(self, shown: Shown, exchange: Observed, record: Mapping[str, Any]) -> None:
        call, flow = exchange.call, shown.flow
        shown.restore_request()
        if exchange.relay.begun:
            _put_answer(shown)
            assert flow.response is not None
            flow.response.data.content = (flow.response.data.content or b"") + exchange.relay.error_event
            if call.to == "foundry":
                flow.response.data.content = None  # as the page says: it is not kept
        elif call.refusal is not None and call.status is not None:
            put_refusal(flow, call, self._error_format)
        elif call.own_answer and call.status is not None:
            flow.response = http.Response.make(call.status, call.own_answer, {"content-type": "application/json"})
        if call.outcome not in {Outcome.SERVED, Outcome.REFUSED}:
            flow.error = _error(call)
        flow.metadata["sidecar"] = plain(record)
        flow.marked = summary.marker(record)
        flow.comment = list_comment(flow, summary.comment(record), call)

    # for a call that is held

    def of(self, exchange: Observed) -> Shown:
        """What shows an exchange that is under way."""
        return self._under_way[exchange.call.id]

    def lists(self, shown: flow.Flow) -> bool:
        """Whether a flow is still on the list."""
        view: Any = ctx.master.addons.get("view")
        return view is not None and view.get_by_id(shown.id) is not None

    def tell_of(self, shown: Shown, call: Call) -> None:
        """Its marker and comment follow the call."""
        _mark_under_way(shown.flow, call)
        self._tell("update", [shown.flow])

    # what runs beside the exchanges

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)

    def _look(self) -> None:
        """Shows what has come of the answers under way, where something has."""
        self._looking = None
        changed = [shown.flow for shown in self._under_way.values() if _put_answer(shown)]
        if changed:
            self._tell("update", changed)
            self._look_later()

    def _remove_oldest(self, newest: str) -> None:
        """Takes the oldest calls that ended off the list, until what it holds is within the settings."""
        view: Any = ctx.master.addons.get("view")
        if view is None:
            return
        flows = view.resolve("@all")
        surplus = len(flows) - self._settings.keep_flows
        excess = sum(map(_size, flows)) - self._settings.keep_bytes
        for each in flows:
            if surplus <= 0 and excess <= 0:
                break
            if not each.live and each.id != newest:
                view.remove([each])
                surplus -= 1
                excess -= _size(each)

    def _tell(self, what: Literal["add", "update"], flows: Sequence[flow.Flow]) -> None:
        """What can't be shown harms no call."""
        view: Any = ctx.master.addons.get("view")
        if view is None:  # an empty list of flows is false
            return
        try:
            getattr(view, what)(flows)
        except Exception as error:  # noqa: BLE001 - what can't be shown harms no call
            _log.error("not_shown", exc_info=error)


def _put_answer(shown: Shown) -> bool:
    """Puts what is kept into the flow; whether anything came since it was last put there."""
    flow, capture = shown.flow, shown.capture
    if flow.response is None or capture.shown == capture.total:
        return False
    flow.response.data.content = bytes(capture.kept)
    if capture.total > len(capture.kept):
        flow.metadata[CUT] = capture.total
    capture.shown = capture.total
    return True


def _mark_under_way(flow: http.HTTPFlow, call: Call) -> None:
    flow.marked = summary.UNDER_WAY
    flow.comment = list_comment(flow, summary.comment_under_way(call), call)


def _error(call: Call) -> flow.Error:
    told = call.refusal.message if call.refusal else ""
    return flow.Error(f"{call.outcome}: {told}" if told else str(call.outcome))


def _size(each: Any) -> int:
    """Bytes of the bodies that a flow holds."""
    left = each.metadata.get(LEFT)
    messages = filter(None, (each.request, each.response))
    body = left.get("body") if isinstance(left, dict) else None
    return sum(len(message.raw_content or b"") for message in messages) + len(body or b"")
