"""How mitmweb shows a request or an answer: as a conversation, below the verdict."""

from collections.abc import Iterator
from typing import Final

import msgspec
import structlog
from mitmproxy import contentviews, http

from addons.apis.table import at
from addons.bodies.conversation import Conversation, member
from addons.bodies.verdict import Json
from addons.foundry.content_encoding import CorruptError, TooLargeError, decode
from addons.foundry.request_headers import HASHED
from addons.inspecting import conversation_text, summary
from addons.inspecting.originals import MAX_KEPT, SENT_BY_0_1, Original, header_table, left, original
from addons.inspecting.wrapping import folded
from addons.values.printable import printable

CUT: Final = "sidecar.cut"
"""In ``flow.metadata``: how many bytes an answer had of which only the beginning is kept."""

NOTE: Final = "sidecar.note"
"""In ``flow.metadata``: a sentence for whoever asked for something that was not done."""

EDITED: Final = "This flow was edited after its call. What is below may not be what was sent; Revert shows that again."

_log = structlog.get_logger("sidecar.flows")


class ConversationView(contentviews.Contentview):
    name = "Conversation"
    syntax_highlight = "none"

    def render_priority(self, data: bytes, metadata: contentviews.Metadata) -> float:  # noqa: ARG002 - mitmproxy's signature
        flow = metadata.flow
        if not isinstance(flow, http.HTTPFlow):
            return -1
        return 10 if "sidecar" in flow.metadata or at(flow.request.path) else -1

    def prettify(self, data: bytes, metadata: contentviews.Metadata) -> str:
        """Never raises: what is not understood is shown as it came."""
        try:
            return conversation_text.page(_folded(_lines(data, metadata)))
        except Exception as error:  # noqa: BLE001 - a page without the view helps nobody
            _log.warning("view_failed", exc_info=error)
            text = data[: conversation_text.PAGE].decode("utf-8", "replace")
            return conversation_text.page(_folded(iter([text])))


def _folded(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield from map(printable, folded(line, summary.WIDTH))


def _lines(data: bytes, metadata: contentviews.Metadata) -> Iterator[str]:
    """In the order in which a person asks: how it went, what was said, what was changed, and all else.

    What an app says again with every call comes last: it may be pages long.
    """
    flow = metadata.flow
    assert isinstance(flow, http.HTTPFlow)
    record = flow.metadata.get("sidecar")
    asked = None
    if note := flow.metadata.get(NOTE):
        yield f"{note}\n"
    if not flow.live and flow.modified():
        yield f"{EDITED}\n"
    if record:
        yield from summary.verdict(record)
    if record and record.get("foundry.other_path"):
        yield "\nForwarded to Foundry as it came. For such calls no body and no credentials are shown."
    elif metadata.http_message is flow.request:
        sent = _sent(data, flow)
        asked = _asked(flow, sent)
        yield from _request_lines(sent, asked, flow)
    else:
        if total := flow.metadata.get(CUT):
            yield f"\nKept: the first {len(data):,} of {total:,} bytes (inspect.answer_bytes)."
        yield from _answer_lines(data, metadata)
    if record:
        yield "\n== Facts"
        yield from summary.facts(record)
    if asked:
        yield from conversation_text.repeated_lines(asked)


def _sent(data: bytes, flow: http.HTTPFlow) -> Json:
    """What the app sent; of a flow that does not know it, what left."""
    sent = original(flow)
    return _parsed(_decoded(sent) if sent and SENT_BY_0_1 in flow.metadata else data)


def _request_lines(shown: Json, asked: Conversation, flow: http.HTTPFlow) -> Iterator[str]:
    sent, leaving = original(flow), left(flow)
    yield "\n== What the app sent" if sent else "\n== What was sent to the provider"
    yield from conversation_text.request_lines(asked)
    if sent and leaving:
        yield "\n== What the sidecar changed"
        yield from _changes(shown, leaving["body"], flow)
        came, went = header_table(sent.headers), header_table(leaving["headers"])
        yield from (f"{name}: {came[name][0]} -> {went[name][0]}" for name in HASHED if name in came and name in went)
        yield f"headers kept back: {', '.join(sorted(came.keys() - went)) or '(none)'}"


def _changes(shown: Json, leaving: bytes | None, flow: http.HTTPFlow) -> Iterator[str]:
    if leaving is None:
        yield f"(what left, over {MAX_KEPT:,} bytes, is not kept; changed:)"
        yield from summary.changes(flow.metadata.get("sidecar", {}))
        return
    yield from list(conversation_text.differences(shown, _parsed(leaving))) or ["(nothing in the body)"]


def _decoded(sent: Original) -> bytes:
    encoding = (header_table(sent.headers).get("content-encoding") or ("identity",))[0].lower()
    try:
        return decode(sent.body, encoding, 8 * MAX_KEPT)
    except (CorruptError, TooLargeError, KeyError):
        return f"[{len(sent.body):,} bytes, {encoding}]".encode()


def _answer_lines(data: bytes, metadata: contentviews.Metadata) -> Iterator[str]:
    flow = metadata.flow
    assert isinstance(flow, http.HTTPFlow)
    yield "\n== What was answered"
    api = at(flow.request.path)
    events = metadata.content_type == "text/event-stream" and api and api.reader.put_together
    document = events(data) if events else _parsed(data)
    read = isinstance(document, dict) and api and api.reader.answer
    yield from conversation_text.answer_lines(read(document) if read else _as_it_came("answer", document))


def _asked(flow: http.HTTPFlow, document: Json) -> Conversation:
    api = at(flow.request.path)
    read = isinstance(document, dict) and api and api.reader.request
    return read(document) if read else _as_it_came("body", document)


def _as_it_came(name: str, document: Json) -> Conversation:
    """What no API's reader knows: of another path, a list of models, or no object."""
    ids = [member(each, "id") for each in listed] if isinstance(listed := member(document, "data"), list) else []
    if ids and all(isinstance(each, str) for each in ids):
        return Conversation(texts={"models": ids})
    return Conversation(texts={name: None if document == "" else document})


def _parsed(body: bytes) -> Json:
    """The body as JSON; as text where it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body[: conversation_text.PAGE].decode("utf-8", "replace")
