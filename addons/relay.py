"""Addon: answers and streams; turns the provider's failures into refusals."""

import re
import time
from collections.abc import Mapping
from typing import Final, Literal

import structlog
from mitmproxy import http

from addons.call import Call
from addons.calls import Calls
from addons.checkpoint import response_of
from addons.error_pages import ErrorPages
from addons.foundry.envelope import ErrorFormat
from addons.foundry.provider_errors import refusal_for
from addons.foundry.refusals import Refusal
from addons.passage import Passage
from addons.reading import SWITCHED, TOO_LONG

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

    def __init__(self, calls: Calls, pages: ErrorPages, error_format: ErrorFormat = "hybrid") -> None:
        self._calls = calls
        self._pages = pages
        self._error_format: ErrorFormat = error_format

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        call = self._calls.of(flow)
        if call is None or call.released_at is None or flow.response is None:
            return
        response = flow.response
        call.answer.status = response.status_code
        call.answer.first_byte_at = call.last_activity = time.monotonic()
        if not _is_answer(response):
            return  # read whole, then answered for in `response`
        events = _media_type(response) == EVENTS
        call.answer.streamed = events
        response.headers.fields = tuple(
            (name, value.replace(b"\r\n ", b" "))  # a folded header (RFC 9112 §5.2)
            for name, value in response.headers.fields
            if not _is_stripped(name)
        )
        if call.verdict and call.verdict.changes:
            response.headers[CHANGES_HEADER] = ", ".join(f"{c.path};{c.action}" for c in call.verdict.changes)
        response.stream = Passage(call, events=events, may_add="content-length" not in response.headers)

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
        if call is None or flow.error is None:
            return
        passage = flow.response.stream if flow.response else None
        if isinstance(passage, Passage):
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
            call.refusal = call.refusal or _why(call, flow.error.msg)
            self._pages.answer_instead(flow.client_conn, response_of(call.refusal, self._error_format))

    def _answer_for_provider(self, flow: http.HTTPFlow, call: Call) -> None:
        assert flow.response
        assert call.model
        headers = {name.lower(): value for name, value in flow.response.headers.items()}
        try:
            body = flow.response.get_content(strict=False) or b""
            outcome = refusal_for(flow.response.status_code, headers, body, call.model.rid)
        except Exception as error:  # noqa: BLE001 - a provider's odd error must still become a refusal
            _log.error("provider_error_unread", exc_info=error)
            outcome = refusal_for(500, {}, b"", call.model.rid)
        call.refusal = outcome.refusal
        call.answer.ended = "whole"
        if outcome.alarm:
            call.alarms.append(outcome.alarm)
        flow.response = response_of(outcome.refusal, self._error_format)


def _media_type(response: http.Response) -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _is_answer(response: http.Response) -> bool:
    """A success in a form the API answers in; a page with status 200 comes from something in between.

    Encoded, which the request asks not to be done, it could not be read along.
    """
    known = _media_type(response) in {"application/json", EVENTS}
    encoded = response.headers.get("content-encoding", "identity").lower() != "identity"
    coded = response.headers.get("transfer-encoding", "chunked").lower() != "chunked"
    return 200 <= response.status_code < 300 and known and not encoded and not coded  # noqa: PLR2004 - HTTP's success class


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
            return Refusal(name, text, detail=sign)
    if call.released_at is None:
        # without mitmproxy's words for it: they quote what the caller sent, which may hold its token
        return Refusal("bad_target", "The request is not well-formed HTTP.")
    return Refusal(
        "provider_unreachable",
        "The model provider can't be reached; try again later.",
        headers=SOON,
        detail=_QUOTED.split(message)[0],
    )


_QUOTED: Final = re.compile(r""":? (?:bytearray\()?b?['"]""")
"""Where mitmproxy begins to quote what the provider sent, which may be an answer."""

SIGNS: Final = (
    ("Request body exceeds", "too_large", "The body is over policy.max_body_bytes."),
    (SWITCHED, "provider_failed", "The model provider answered in another protocol."),
    (TOO_LONG, "provider_failed", "The headers of the model provider's answer are longer than the sidecar reads."),
    ("Response body exceeds", "provider_failed", "The model provider's answer is larger than the sidecar allows."),
)
"""What mitmproxy says, the refusal it means, and what the caller is told."""
