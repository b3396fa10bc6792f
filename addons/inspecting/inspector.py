"""Addon: how a call looks in mitmweb and mitmproxy's console: marker, comment, the conversation, bounded memory.

An answer that is still coming is shown as far as it has come, once a second. Where no list of flows is kept
(mitmdump), the addon does nothing, and no answer is kept.
"""

import asyncio
import textwrap
from collections.abc import Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec
import structlog
from mitmproxy import contentviews, ctx, http
from mitmproxy.utils.emoji import emoji

from addons.foundry.content_encoding import CorruptError, TooLargeError, decode
from addons.inspecting import summary
from addons.inspecting.originals import KEY as ORIGINAL
from addons.inspecting.originals import MAX_KEPT, Original, header_table, original
from addons.inspecting.settings import InspectSettings
from addons.passage import Passage
from addons.responses import conversation
from addons.responses.put_together import response_of
from addons.responses.verdict import Json

CUT: Final = "sidecar.cut"
"""In ``flow.metadata``: how many bytes an answer had of which only the beginning is kept."""

LOOK_EVERY: Final = 1.0  # seconds

_log = structlog.get_logger("sidecar.inspector")


class Inspector:
    name = "sidecar-inspector"

    def __init__(self, settings: InspectSettings) -> None:
        self._settings = settings
        self._view: Any = None
        self._captures: WeakKeyDictionary[http.HTTPFlow, Capture] = WeakKeyDictionary()  # of answers still coming
        self._looking = False

    def running(self) -> None:
        self._view = ctx.master.addons.get("view")
        contentviews.add(ConversationView)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        if self._view is not None and flow.response and isinstance(flow.response.stream, Passage):
            self._captures[flow] = flow.response.stream.copy = Capture(self._settings.answer_bytes)
            if not self._looking:
                self._look_again()

    def response(self, flow: http.HTTPFlow) -> None:
        self._show(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._show(flow)

    def _show(self, flow: http.HTTPFlow) -> None:
        """mitmproxy tells the page of the flow right after these hooks. A fault here is no reason to fail a call."""
        if self._view is None:
            return
        try:
            if (capture := self._captures.pop(flow, None)) is not None:
                _put_answer(flow, capture)
            if record := flow.metadata.get("sidecar"):
                flow.marked = summary.marker(record)
                # the page draws the marker in the path column alone, which leaves the comment no room
                flow.comment = f"{emoji[flow.marked]} {summary.comment(record)}"
            self._let_go()
        except Exception as error:  # noqa: BLE001 - as said above
            _log.error("not_shown", exc_info=error)

    def _look_again(self) -> None:
        self._looking = True
        asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)

    def _look(self) -> None:
        """Apart from the streams themselves, which no fault here can reach."""
        for flow, capture in list(self._captures.items()):
            try:
                if _put_answer(flow, capture):
                    self._view.update([flow])  # has the page fetch it again
            except Exception as error:  # noqa: BLE001 - one that can't be shown keeps no other from it
                _log.error("not_shown", exc_info=error)
        self._looking = False
        if self._captures:
            self._look_again()

    def _let_go(self) -> None:
        """Takes the oldest calls that ended off the list, until what it holds is within the settings."""
        flows = self._view.resolve("@all")
        surplus = len(flows) - self._settings.keep_flows
        excess = sum(map(_size, flows)) - self._settings.keep_bytes
        for flow in flows:
            if surplus <= 0 and excess <= 0:
                break
            if not flow.live:
                self._view.remove([flow])
                surplus -= 1
                excess -= _size(flow)


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


def _put_answer(flow: http.HTTPFlow, capture: Capture) -> bool:
    """Puts what is kept into the flow; whether anything came since it was last put there."""
    if flow.response is None or capture.shown == capture.total:
        return False
    flow.response.data.content = bytes(capture.kept)
    if capture.total > len(capture.kept):
        flow.metadata[CUT] = capture.total
    capture.shown = capture.total
    return True


class ConversationView(contentviews.Contentview):
    name = "Conversation"
    syntax_highlight = "none"

    def render_priority(self, data: bytes, metadata: contentviews.Metadata) -> float:  # noqa: ARG002 - mitmproxy's signature
        flow = metadata.flow
        if not isinstance(flow, http.HTTPFlow):
            return -1
        return 10 if "sidecar" in flow.metadata or flow.request.path.endswith("/responses") else -1

    def prettify(self, data: bytes, metadata: contentviews.Metadata) -> str:
        """Never raises: what is not understood is shown as it came."""
        try:
            return conversation.page(_lines(data, metadata))
        except Exception as error:  # noqa: BLE001 - a page without the view helps nobody
            _log.warning("view_failed", exc_info=error)
            return conversation.page([data[: conversation.PAGE].decode("utf-8", "replace")])


def _lines(data: bytes, metadata: contentviews.Metadata) -> Iterator[str]:
    flow = metadata.flow
    assert isinstance(flow, http.HTTPFlow)
    if record := flow.metadata.get("sidecar"):
        yield from summary.lines(record)
        if record.get("foundry.other_path"):
            yield "\nPassed on to Foundry as it came. Of such calls no body is shown, neither way, nor any credentials."
            return
    if metadata.http_message is flow.request:
        yield from _request_lines(data, flow)
    else:
        if total := flow.metadata.get(CUT):
            yield f"\nKept: the first {len(data):,} of {total:,} bytes (inspect.answer_bytes)."
        yield from _answer_lines(data, metadata)


def _request_lines(data: bytes, flow: http.HTTPFlow) -> Iterator[str]:
    shown = _parsed(data)
    sent = original(flow)
    if sent is None:  # it was too large to be kept beside this
        yield "\n== What left for the provider"
    elif ORIGINAL not in flow.metadata:  # never rewritten
        yield "\n== What the app sent"
    else:
        left, shown = shown, _parsed(_decoded(sent))
        kept_back = {name.lower() for name, _ in sent.headers} - {name.lower() for name in flow.request.headers}
        yield "\n== What was changed on the way out"
        yield from list(conversation.differences(shown, left)) or ["(nothing in the body)"]
        text = f"headers kept back: {', '.join(sorted(kept_back)) or '(none)'}"
        yield from textwrap.wrap(text, summary.WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        yield "\n== What the app sent"
    yield from conversation.request_lines(shown)


def _decoded(sent: Original) -> bytes:
    encoding = (header_table(sent.headers).get("content-encoding") or ("identity",))[0].lower()
    try:
        return decode(sent.body, encoding, 8 * MAX_KEPT)
    except (CorruptError, TooLargeError, KeyError):
        return f"[{len(sent.body):,} bytes, {encoding}]".encode()


def _answer_lines(data: bytes, metadata: contentviews.Metadata) -> Iterator[str]:
    yield "\n== What was answered"
    events = metadata.content_type == "text/event-stream"
    yield from conversation.answer_lines(response_of(data) if events else _parsed(data))


def _parsed(body: bytes) -> Json:
    """The body as JSON; as text where it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body[: conversation.PAGE].decode("utf-8", "replace")


def _size(flow: Any) -> int:
    """Bytes of the bodies that a flow holds."""
    original = flow.metadata.get(ORIGINAL)
    messages = filter(None, (flow.request, flow.response))
    return sum(len(message.raw_content or b"") for message in messages) + (len(original["body"]) if original else 0)
