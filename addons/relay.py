"""Addon: answers and streams; turns the provider's failures into refusals."""

import time
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import structlog
from mitmproxy import http

from addons.call import Call
from addons.calls import Calls
from addons.checkpoint import response_of
from addons.egress import Egress
from addons.error_pages import ErrorPages
from addons.failures import ANSWER_TOO_LARGE, NOT_HTTP, PLAIN, failure
from addons.foundry.envelope import ErrorFormat
from addons.foundry.provider_errors import refusal_for
from addons.foundry.refusals import Refusal
from addons.passage import Passage, Unread

STRIPPED: Final = frozenset((
    b"openai-organization", b"openai-project", b"set-cookie", b"alt-svc", b"strict-transport-security",
    b"keep-alive", b"upgrade", b"sidecar-changes",
))  # fmt: skip
STRIPPED_PREFIXES: Final = (b"cf-", b"proxy-")
"""Answer headers that speak of the operator's account, a session or another connection (SPEC §7), or for us."""

EVENTS: Final = b"text/event-stream"
CHANGES_HEADER: Final = b"Sidecar-Changes"

ENDED: Final[Mapping[str | None, Literal["truncated", "timed_out", "shut_down"]]] = {
    None: "truncated", "connect": "timed_out", "read": "timed_out", "shutdown": "shut_down"
}  # fmt: skip
"""How an answer ended that had begun, by why the sidecar cut it."""

_log = structlog.get_logger("sidecar.relay")


class Relay:
    name = "sidecar-relay"

    def __init__(self, calls: Calls, egress: Egress, pages: ErrorPages, error_format: ErrorFormat = "hybrid") -> None:
        self._calls = calls
        self._egress = egress
        self._pages = pages
        self._error_format: ErrorFormat = error_format

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        call = self._calls.of(flow)
        if call is None or call.released_at is None or flow.response is None:
            return
        response = flow.response
        call.answer.status = response.status_code
        call.answer.first_byte_at = call.last_activity = time.monotonic()
        said = _said(response)
        self._strip(flow, response)
        if not _is_answer(call, response, said):
            return  # read whole, then answered for in `response`
        events = _media_type(said) == EVENTS
        call.answer.streamed = events
        response.headers.fields = (*response.headers.fields, *_changes(call))
        if call.to == "foundry":
            response.stream = Unread(call)
        else:
            response.stream = Passage(call, events=events, may_add=b"content-length" not in said)

    def response(self, flow: http.HTTPFlow) -> None:
        call = self._calls.of(flow)
        if call is None or call.released_at is None or flow.response is None:
            return
        if call.refusal is not None:  # a fault at the answer's headers
            flow.response = response_of(call.refusal, self._error_format)
        elif call.answer.ended is None:  # it did not go through the passage
            if _is_answer(call, flow.response, _said(flow.response)):
                call.answer.ended = "whole"  # a success without a body
            else:
                self._answer_for_provider(flow, call)

    def error(self, flow: http.HTTPFlow) -> None:
        call = self._calls.of(flow)
        if flow.error is None:
            return
        dialling = call is not None and call.released_at is not None and not flow.server_conn.tls_established
        if not (dialling or flow.error.msg.startswith(PLAIN)):
            flow.error.msg = NOT_HTTP
        if call is None:
            return
        passage = flow.response.stream if flow.response else None
        if isinstance(passage, Passage | Unread) and ANSWER_TOO_LARGE not in flow.error.msg:
            passage.settle()
            if _caller_left(flow):  # some do as soon as they have the last event
                call.answer.ended = "whole" if passage.finished else "interrupted"
            else:
                call.answer.ended = "whole" if passage.finished else ENDED[call.cut]
                if (words := passage.parting_event()) is not None:
                    self._pages.say_last(flow.client_conn, words)
        elif _caller_left(flow):
            call.answer.ended = "interrupted"
        else:
            call.refusal = call.refusal or failure(call, flow.error.msg)
            self._pages.answer_instead(flow.client_conn, response_of(call.refusal, self._error_format))

    def _answer_for_provider(self, flow: http.HTTPFlow, call: Call) -> None:
        assert flow.response
        if call.to == "foundry":
            call.refusal = Refusal("foundry_failed", "Foundry gave no answer that can be passed on.")
            flow.response = response_of(call.refusal, self._error_format)
            return
        assert call.model
        headers = {name.lower(): value for name, value in flow.response.headers.items()}
        try:
            body = flow.response.get_content(strict=False) or b""
            outcome = refusal_for(flow.response.status_code, headers, body, call.model.rid)
            if self._quotes_key(flow, body, outcome.refusal):
                call.alarms.append("provider_key_quoted")
                outcome = refusal_for(flow.response.status_code, {}, b"", call.model.rid)
        except Exception as error:  # noqa: BLE001 - a provider's odd error must still become a refusal
            _log.error("provider_error_unread", exc_info=error)
            outcome = refusal_for(500, {}, b"", call.model.rid)
        call.refusal = outcome.refusal
        call.answer.ended = "whole"
        if outcome.alarm:
            call.alarms.append(outcome.alarm)
        flow.response = response_of(outcome.refusal, self._error_format)

    def _strip(self, flow: http.HTTPFlow, response: http.Response) -> None:
        fields = response.headers.fields
        if self._egress.quotes_key(flow, b"\n".join(value for _, value in fields)):
            fields = tuple(field for field in fields if not self._egress.quotes_key(flow, field[1]))
        response.headers.fields = tuple(
            (name, value.replace(b"\r\n ", b" "))  # a folded header (RFC 9112 §5.2)
            for name, value in fields
            if not _is_stripped(name.lower())
        )

    def _quotes_key(self, flow: http.HTTPFlow, said: bytes, refusal: Refusal) -> bool:
        """Whether the provider's key stands in what it said, or in what the caller would get of it."""
        answer = response_of(refusal, self._error_format).raw_content or b""
        return self._egress.quotes_key(flow, said) or self._egress.quotes_key(flow, answer)


def _said(response: http.Response) -> Mapping[bytes, bytes]:
    """The headers, names and values in lower case; of a repeated one the last."""
    return {name.lower(): value.lower() for name, value in response.headers.fields}


def _media_type(said: Mapping[bytes, bytes]) -> bytes:
    return said.get(b"content-type", b"").partition(b";")[0].strip()


def _is_answer(call: Call, response: http.Response, said: Mapping[bytes, bytes]) -> bool:
    """A success in a form the API answers in; a page with status 200 comes from something in between.

    Encoded, which the request asks not to be done, it could not be read along. Of Foundry itself, whatever ends an
    exchange.
    """
    if call.to == "foundry":
        return response.status_code >= 200  # noqa: PLR2004 - HTTP's first class of final answers
    known = _media_type(said) in {b"application/json", EVENTS}
    plain = said.get(b"content-encoding", b"identity") == b"identity"
    framed = said.get(b"transfer-encoding", b"chunked") == b"chunked"
    return 200 <= response.status_code < 300 and known and plain and framed  # noqa: PLR2004 - HTTP's success class


def _is_stripped(name: bytes) -> bool:
    return name in STRIPPED or name.startswith(STRIPPED_PREFIXES)


def _changes(call: Call) -> Iterator[tuple[bytes, bytes]]:
    if call.verdict and call.verdict.changes:
        yield CHANGES_HEADER, ", ".join(f"{c.path};{c.action}" for c in call.verdict.changes).encode()


def _caller_left(flow: http.HTTPFlow) -> bool:
    return not flow.client_conn.connected
