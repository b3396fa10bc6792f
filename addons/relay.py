"""Addon: answers and streams; turns the provider's failures into refusals."""

import time
from collections.abc import Mapping
from typing import Final, Literal

import structlog
from mitmproxy import http

from addons.call import Call
from addons.calls import Calls
from addons.checkpoint import response_of
from addons.egress import Egress
from addons.error_pages import ErrorPages
from addons.foundry.envelope import ErrorFormat
from addons.foundry.provider_errors import refusal_for
from addons.foundry.refusals import Refusal
from addons.passage import Passage

STRIPPED: Final = frozenset(
    (b"openai-organization", b"openai-project", b"set-cookie", b"alt-svc", b"strict-transport-security")
)
STRIPPED_PREFIX: Final = b"cf-"
"""Answer headers that speak of the operator's account or of another connection (SPEC §7)."""

EVENTS: Final = "text/event-stream"
CHANGES_HEADER: Final = "Sidecar-Changes"
SOON: Final = {"Retry-After": "1"}

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
        response.headers.fields = tuple(field for field in response.headers.fields if self._may_pass(flow, *field))
        if not _is_answer(response):
            return  # read whole, then answered for in `response`
        events = _media_type(response) == EVENTS
        call.answer.streamed = events
        if call.verdict and call.verdict.changes:
            response.headers[CHANGES_HEADER] = ", ".join(f"{c.path};{c.action}" for c in call.verdict.changes)
        may_add = "content-length" not in response.headers and "content-encoding" not in response.headers
        response.stream = Passage(call, events=events, may_add=may_add)

    def response(self, flow: http.HTTPFlow) -> None:
        call = self._calls.of(flow)
        if call is None or call.released_at is None or flow.response is None:
            return
        if call.refusal is not None:  # a fault at the answer's headers
            flow.response = response_of(call.refusal, self._error_format)
        elif not _is_answer(flow.response):
            self._answer_for_provider(flow, call)
        elif call.answer.ended is None:  # a bodiless success never enters the passage
            call.answer.ended = "whole"

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
        if isinstance(passage, Passage):
            passage.settle()
            if passage.finished:  # some clients hang up as soon as they have the last event
                call.answer.ended = "whole"
            elif _caller_left(flow):
                call.answer.ended = "interrupted"
            else:
                call.answer.ended = ENDED[call.cut]
                self._pages.say_last(flow.client_conn, passage.parting_event())
        elif _caller_left(flow):
            call.answer.ended = "interrupted"
        else:
            call.refusal = call.refusal or _why(call, flow.error.msg)
            self._pages.answer_instead(flow.client_conn, response_of(call.refusal, self._error_format))

    def _answer_for_provider(self, flow: http.HTTPFlow, call: Call) -> None:
        assert flow.response
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

    def _may_pass(self, flow: http.HTTPFlow, name: bytes, value: bytes) -> bool:
        return not (_is_stripped(name) or self._egress.quotes_key(flow, value))

    def _quotes_key(self, flow: http.HTTPFlow, said: bytes, refusal: Refusal) -> bool:
        """Whether the provider's key stands in what it said, or in what the caller would get of it."""
        answer = response_of(refusal, self._error_format).raw_content or b""
        return self._egress.quotes_key(flow, said) or self._egress.quotes_key(flow, answer)


def _media_type(response: http.Response) -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _is_answer(response: http.Response) -> bool:
    """A success in a form the API answers in; a page with status 200 comes from something in between."""
    return 200 <= response.status_code < 300 and _media_type(response) in {"application/json", EVENTS}  # noqa: PLR2004 - HTTP's success class


def _is_stripped(name: bytes) -> bool:
    return name.lower() in STRIPPED or name.lower().startswith(STRIPPED_PREFIX)


def _caller_left(flow: http.HTTPFlow) -> bool:
    return not flow.client_conn.connected


def _why(call: Call, message: str) -> Refusal:
    """mitmproxy's own word for a failure, as the refusal a caller gets."""
    model = call.model.rid if call.model else ""
    if call.cut == "shutdown":
        return Refusal("shutting_down", "The sidecar is shutting down; make the call again.", headers=SOON)
    if call.cut:
        return Refusal(
            "provider_timeout",
            "The model provider did not answer in time.",
            parameters={"modelName": model},
            detail=call.cut,
        )
    for sign, name, text in SIGNS:
        if sign in message:
            return Refusal(name, text, detail=message)
    if call.released_at is None:
        return Refusal("bad_target", "The request is not well-formed HTTP.")
    return Refusal(
        "provider_unreachable",
        "The model provider can't be reached; try again later.",
        headers=SOON,
        detail=message,
    )


NOT_HTTP: Final = "What came was not well-formed HTTP."
PLAIN: Final = ("Client disconnected", "server closed connection", "Request body exceeds", "Response body exceeds")
"""How those messages of mitmproxy's begin that can't quote what the caller sent, or what the provider did."""

SIGNS: Final = (
    ("Request body exceeds", "too_large", "The body is over policy.max_body_bytes."),
    ("Response body exceeds", "provider_failed", "The model provider's answer is larger than the sidecar allows."),
)
"""What mitmproxy says, the refusal it means, and what the caller is told."""
