"""Calls that a person keeps waiting before their gates, to look at or to edit: mitmweb's intercept.

A call is held where its request matches the page's intercept filter. What comes back goes through every gate, like
anything else. A held call counts among those under way, and its body in the budget for bodies.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from mitmproxy import ctx, http

from addons.call import Call
from addons.exchange.observing import Held
from addons.foundry.refusals import Refusal
from addons.gates.route import is_for_models
from addons.inspecting.edited_head import is_one_head
from addons.inspecting.flow_of_exchange import HIDDEN, Fields, is_left_out, shown_fields
from addons.inspecting.flows import FlowViews, Shown

LOOK_EVERY: Final = 0.1
"""Seconds between two looks at a held call: mitmproxy tells nobody of one that is killed or taken off the list."""

KILLED: Final = "A person stopped this call in mitmweb; nothing was sent."
NOT_ONE_HEAD: Final = "A person edited this call in mitmweb; its method, path or a header is no longer as HTTP has it."
TOO_LONG: Final = "This call was held in mitmweb, and nobody resumed it within {:.0f} seconds."

_FRAMING: Final = frozenset((b"content-length", b"transfer-encoding"))


class Holding:
    """``enter`` counts a call among those under way, or refuses it; ``leave`` ends that. ``seconds``: at most."""

    def __init__(
        self, views: FlowViews, enter: Callable[[Call], object], leave: Callable[[Call], object], seconds: float
    ) -> None:
        self._views = views
        self._enter = enter
        self._leave = leave
        self._seconds = seconds

    async def __call__(self, exchange: Held) -> None:
        """Returns at once, or when a person has let the call go.

        Raises:
            Refusal: it was stopped, nobody let it go in time, too many are under way, or its body can't be had.
        """
        call, intercept = exchange.call, _intercept()
        if intercept is None or not is_for_models(call.target):  # other bodies may hold credentials
            return
        await exchange.read_ahead()
        shown = self._views.of(exchange)
        if not intercept.should_intercept(shown.flow):
            return
        self._enter(call)
        try:
            call.by_hand.append("held")
            before = _state(shown.flow)
            await self._wait(shown, call)
            if (after := _state(shown.flow)) != before:
                call.by_hand.append("edited")
                if not is_one_head(shown.flow.request):
                    raise Refusal("bad_target", NOT_ONE_HEAD)
                method, target, fields, body = after
                target = exchange.request.target if target == before[1] else target  # its query string is not shown
                exchange.edit(method, target, _whole(fields, exchange.request.fields, len(body)), body)
            shown.flow.request.headers.fields = shown_fields(shown.flow.request.headers.fields)
            shown.take_request()
        finally:
            self._leave(call)
        self._views.tell_of(shown, call)

    async def _wait(self, shown: Shown, call: Call) -> None:
        flow = shown.flow
        flow.intercept()
        self._views.tell_of(shown, call)
        try:
            async with asyncio.timeout(self._seconds):
                while flow.intercepted and self._views.lists(flow):  # noqa: ASYNC110 - nobody tells, as LOOK_EVERY says
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            raise Refusal("stopped_by_hand", TOO_LONG.format(self._seconds)) from None
        finally:
            flow.resume()
        if flow.error is not None or not self._views.lists(flow):
            flow.error = None
            raise Refusal("stopped_by_hand", KILLED)


def _intercept() -> Any:
    """mitmproxy's addon that knows the filter, where there is one and it is switched on."""
    addon = ctx.master.addons.get("intercept")
    return addon if addon is not None and ctx.options.intercept_active else None


def _state(flow: http.HTTPFlow) -> tuple[str, str, Fields, bytes]:
    request = flow.request
    target = f"{request.scheme}://{request.authority}{request.path}" if request.authority else request.path
    return request.method, target, tuple(request.headers.fields), request.raw_content or b""


def _whole(fields: Fields, sent: Fields, length: int) -> Fields:
    """The fields as edited, with what a flow hides or leaves out as it came, and the body's own length."""
    hidden: dict[bytes, list[bytes]] = {}
    for name, value in sent:
        hidden.setdefault(name.lower(), []).append(value)
    made = []
    for name, value in fields:
        kept = hidden.get(name.lower())
        if name.lower() not in _FRAMING:
            made.append((name, kept.pop(0) if value == HIDDEN and kept else value))
    made += [field for field in sent if is_left_out(field[0])]
    return (*made, (b"Content-Length", b"%d" % length))
