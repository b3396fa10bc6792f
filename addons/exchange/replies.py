"""The sidecar's own words to a caller: headers it adds to an answer, refusals, the end of an answer that broke off.

It also sets the call's outcome, which follows from the same cause.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

import structlog

from addons.call import Call, Outcome
from addons.exchange import answer_bytes
from addons.exchange.caller_connection import CallerConnection
from addons.exchange.ending import FAULT, TOLD, Ending
from addons.exchange.failure_refusals import refusal_of
from addons.exchange.relay import Relay
from addons.exchange.request import Request
from addons.exchange.services import Services
from addons.exchange.upstream.failure import UpstreamFailure
from addons.foundry.alarm_names import Alarm
from addons.foundry.limit_refusals import standing_headers
from addons.foundry.provider_errors import refusal_for
from addons.foundry.refusals import Refusal

CHANGES_FIELD: Final = b"Sidecar-Changes"

FAULT_BEHIND: Final = "The sidecar had an internal fault after the call was sent. Its log has the details."
BROKE_OFF: Final = "The model provider's stream broke off before its end."

_log = structlog.get_logger("sidecar.exchange")


class Replies:
    """``keep``: whether the caller's connection may serve another call. Each way to end may set it to False."""

    def __init__(self, services: Services, caller: CallerConnection, request: Request, call: Call) -> None:
        self.keep = request.keep_alive and request.method != "CONNECT" and not services.leaving
        self._services = services
        self._caller = caller
        self._request = request
        self._call = call

    @property
    def closes(self) -> bool:
        """Whether the answer says that the connection closes after it."""
        return not self.keep or self._caller.draining

    def fields(self, framing: answer_bytes.Framing) -> Iterator[tuple[bytes, bytes]]:
        """The header fields that the sidecar adds to an answer that passes."""
        call = self._call
        if call.verdict and call.verdict.changes:
            yield CHANGES_FIELD, ", ".join(f"{each.path};{each.action}" for each in call.verdict.changes).encode()
        yield from _standing(call)
        self.keep = self.keep and framing != "close"
        if self.closes:
            yield answer_bytes.CLOSE
        elif self._request.version == "1.0":
            yield b"Connection", b"keep-alive"

    def answer(self, body: bytes) -> None:
        """Answers a call that is not sent to anybody, with JSON."""
        call = self._call
        call.status, call.outcome = 200, Outcome.SERVED
        fields = [(b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store"), *self.fields("length")]
        fields.append((b"Content-Length", b"%d" % len(body)))
        self._caller.write(answer_bytes.head(call.status, fields) + (b"" if self._request.method == "HEAD" else body))

    def refuse(self, refusal: Refusal) -> None:
        """Answers with the refusal, where there is still somebody to answer."""
        refusal.__traceback__ = refusal.__cause__ = refusal.__context__ = None  # their frames would keep the exchange
        call = self._call
        call.refusal = refusal
        if call.header("expect") and not self._request.body.ended:
            self.keep = False  # whether the body still comes cannot be known (RFC 9110 §10.1.1)
        if not self._caller.open:
            return
        call.status = refusal.kind.status
        more = () if refusal.name == "fault" else _standing(call)
        self._caller.write(
            answer_bytes.refusal_bytes(
                refusal, self._services.error_format, close=self.closes, method=self._request.method, more=more
            )
        )

    def break_off(self, relay: Relay, code: str, sentence: str, refusal: Refusal | None = None) -> None:
        """One answer: the refusal where nothing was said, else the event that ends a stream."""
        if relay.begun:
            self.keep = relay.break_off(code, sentence) and self.keep
        elif refusal is not None:
            self.refuse(refusal)

    # by what ended the call

    def of_refusal(self, refusal: Refusal) -> None:
        self._call.outcome = Outcome.REFUSED if self._call.sent_at is None else Outcome.PROVIDER_ERROR
        self.refuse(refusal)

    def of_failure(self, relay: Relay, failure: UpstreamFailure, *, reused: bool) -> None:
        """``reused``: the connection to the other side had served an earlier call."""
        self._call.outcome = Outcome.TRUNCATED if relay.begun else Outcome.PROVIDER_ERROR
        if not failure.written:
            self._call.sent_at = None  # the connection ended before a byte of the call was written
        refusal = refusal_of(failure, self._call.to, reused=reused)
        self.break_off(relay, "stream_truncated", BROKE_OFF, refusal)

    def of_ending(self, relay: Relay, ending: Ending) -> None:
        call = self._call
        told = TOLD[call.to][ending]
        call.outcome = relay.outcome if relay.finished else told.outcome
        if ending is Ending.CALLER_STALLED:
            self._caller.abort()
        if ending is Ending.BODY_LATE or told.refusal is None:
            self.keep = False
        if told.refusal is None:
            return
        model = {"modelName": call.model.rid} if call.model and told.refusal == "provider_timeout" else {}
        refusal = Refusal(told.refusal, told.message, parameters=model, detail=ending.name)
        self.break_off(relay, told.code, told.sentence, refusal)

    def of_fault(self, relay: Relay, error: BaseException) -> None:
        call = self._call
        _log.error("fault", exc_info=error, **{"call.id": call.id})
        call.outcome = Outcome.FAULT
        sentence = FAULT if call.sent_at is None else FAULT_BEHIND
        self.break_off(relay, "sidecar_error", sentence, Refusal("fault", sentence, detail=type(error).__name__))

    def refusal_of_answer(self, relay: Relay, credential: bytes | None) -> Refusal:
        """The refusal in place of a provider's answer that does not pass. It never quotes the credential."""
        call = self._call
        assert call.model
        assert call.answer.status is not None  # all of Foundry's pass, and without a head there is a failure
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in relay.fields}
        body = bytes(relay.kept)
        found = refusal_for(call.answer.status, headers, body, call.model.rid)
        told = answer_bytes.refusal_bytes(found.refusal, self._services.error_format, close=False)
        if credential is not None and (credential in body or credential in told):
            call.alarms.append(Alarm.PROVIDER_KEY_QUOTED)
            found = refusal_for(call.answer.status, {}, b"", call.model.rid)
        if found.alarm:
            call.alarms.append(found.alarm)
        return found.refusal


def is_about_credential(call: Call) -> bool:
    """Whether the provider did not accept the credential."""
    return call.answer.status == HTTPStatus.UNAUTHORIZED


def _standing(call: Call) -> answer_bytes.Fields:
    """How far a caller's limits are used, for every answer (docs/contract.md#limits)."""
    return [(name.encode(), value.encode()) for name, value in standing_headers(call.permits)]
