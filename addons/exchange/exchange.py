"""One exchange, from a request's head to its record. Read ``run`` from top to bottom.

What is known of a call is kept here and in its ``Call``, and nowhere else. A deadline, a caller that hangs up and the
end of the sidecar arrive as a cancellation whose reason is an ``Ending``; whatever else escapes is a fault. Each ends
in one answer, where one can be given, and in one record.
"""

import asyncio
import time
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from addons.call import Outcome
from addons.exchange import answer_bytes
from addons.exchange.caller_connection import CallerConnection
from addons.exchange.candidate_trial import CandidateTrial
from addons.exchange.deadline import Deadline
from addons.exchange.ending import Ending
from addons.exchange.failure_refusals import bearer_of
from addons.exchange.judging import Forwarded, Judged, judge
from addons.exchange.new_call import open_call, reopen
from addons.exchange.relay import Relay, Watch
from addons.exchange.replies import BROKE_OFF, Replies, is_about_credential
from addons.exchange.request import Request
from addons.exchange.sending import Sent, forward_to_foundry, send_to_provider
from addons.exchange.services import Services
from addons.exchange.taking import takes_all
from addons.exchange.upstream.failure import UpstreamFailure
from addons.foundry.refusals import Refusal

MOST_UNSENT: Final = 256 * 1024
"""Bytes that wait for a slow caller before the other side is no longer read."""

_log = structlog.get_logger("sidecar.exchange")


class Exchange:
    """Serves one request of one caller's connection."""

    def __init__(self, services: Services, caller: CallerConnection, request: Request) -> None:
        self._services = services
        self.request = request
        self.call = open_call(request, caller.peer)
        self._replies, seen = Replies(services, caller, request, self.call), services.observers
        self.relay = Relay(
            self.call,
            self._write,
            asked=(request.method, request.version),
            more_fields=self._replies.fields,
            quotes_credential=self.quotes_credential,
            watch=Watch(partial(seen.answer_begins, self), partial(seen.answer_piece, self)) if seen else None,
        )
        self._take_rules()
        self._caller = caller
        self._deadline, self._total = Deadline(self.end), Deadline(self.end)
        self._task: asyncio.Task[None] | None = None
        self._ending: Ending | None = None
        self._credential: bytes | None = None
        self._sent: Sent | None = None
        self._crowded = False  # too much waits for the caller: the other side is not read

    # a call, from its start to its end

    def start(self) -> None:
        """Starts the exchange. A call that waits for nothing is over when this returns."""
        self._services.under_way.add(self)
        running = self.run()
        try:
            self._task = asyncio.Task(running, loop=asyncio.get_running_loop(), eager_start=True)
        except BaseException as error:  # noqa: BLE001 - nothing runs it, so that it ends here, as any other call does
            running.close()
            if self.call.ended_at is None:
                self._fail(error)
                self.call.ended_at = time.monotonic()
                self._close()

    def end(self, ending: Ending) -> None:
        """Cancels the exchange for this reason. Only the first reason counts; none does once the call is over."""
        if self._ending is None and self._task is not None and self.call.ended_at is None:
            self._ending = ending
            self._task.cancel()

    async def run(self) -> None:
        call, services = self.call, self._services
        try:
            services.observers.opened(self)
            if services.hold is not None:
                await services.hold(self)
                self._take_rules()  # a person may have held it for minutes
            judged = await judge(call, self._rules, self._read_body)
            for prepare in services.before_release:  # the ledger's row is committed before the call leaves
                await prepare(call)
            call.released_at = call.last_activity = time.monotonic()
            if judged is None:
                self._replies.answer(call.own_answer)
                return
            services.observers.released(self)
            await self._send(judged)
            self._trying.begin()
            await self._relay_answer()
            await self._finish()
        except BaseException as error:  # noqa: BLE001 - whatever it was, it ends this call, and other callers go on
            self._fail(error)
            self._trying.begin()
        finally:
            call.ended_at = time.monotonic()
            await self._trying.end()
            self._close()

    def _take_rules(self) -> None:
        self._rules = self._services.in_force.rules  # from the first gate on no reload changes them for this call
        self.call.judged_by = self._rules.judged_by
        self._trying = CandidateTrial(self.call, self._rules.candidate)

    async def read_ahead(self) -> bytes:
        """The body before the gates ask for it, which read it again.

        Raises:
            Refusal: as ``Body.read``.
        """
        return await self._read_body(again=True)

    def edit(self, method: str, target: str, fields: answer_bytes.Fields, body: bytes) -> None:
        """Replaces the request by the one that a person edited, before the gates judge it. Credentials stay."""
        reopen(self.call, replace(self.request, method=method, target=target, fields=tuple(fields)), self._caller.peer)
        self.request.body.replace(body)

    async def _read_body(self, *, again: bool = False) -> bytes:
        body = self.request.body
        if not body.ended:
            self._deadline.set(self._services.timeouts.body, Ending.BODY_LATE)
            if self.call.header("expect") and self.request.version == "1.1":
                self._caller.write(answer_bytes.CONTINUE)
        read = await body.read(again=again)
        self._deadline.clear()
        self._services.observers.received(self, read)
        return read

    async def _send(self, judged: Judged | Forwarded) -> None:
        services, timeouts = self._services, self._services.timeouts
        self._deadline.set(timeouts.connect, Ending.CONNECT_LATE)
        if timeouts.total is not None:
            self._total.set(timeouts.total, Ending.TOTAL)
        if isinstance(judged, Judged):
            self._credential = await bearer_of(self._rules.credentials[judged.region])
            self._sent = await send_to_provider(judged, self._credential, services.to_provider, self.relay)
        else:
            self._sent = await forward_to_foundry(judged, self._rules, services.to_foundry, self.relay)
        self.call.sent_at = self.call.last_activity = time.monotonic()

    async def _relay_answer(self) -> None:
        """Until the answer is over. The other side is read no faster than the caller reads."""
        call, relay, sent = self.call, self.relay, self._sent
        assert sent is not None
        while not (relay.over or relay.overflowed):
            self._deadline.set(self._services.timeouts.read, Ending.SILENT, lambda: call.last_activity)
            await relay.change()
            if self._crowded:
                await self._caller_takes_all()
                self._crowded = False
                call.last_activity = time.monotonic()  # what was not read was no silence
                sent.resume()
        self._deadline.clear()

    async def _finish(self) -> None:
        """The answer is over: it was sent on to the caller, or it is refused now."""
        relay, call = self.relay, self.call
        if relay.failure is not None and not (relay.finished and isinstance(relay.failure, UpstreamFailure)):
            raise relay.failure
        if not relay.begun:
            if is_about_credential(call) and self._credential is not None and call.region is not None:
                self._rules.credentials[call.region].refused(self._credential)
            raise self._replies.refusal_of_answer(relay, self._credential)
        if relay.finish():
            call.outcome = relay.outcome
        else:
            call.outcome = Outcome.TRUNCATED
            self._replies.break_off(relay, "stream_truncated", BROKE_OFF)
        self._replies.keep = self._replies.keep and relay.framing_ended
        if self._caller.unsent:
            await self._caller_takes_all()

    async def _caller_takes_all(self) -> None:
        try:
            await takes_all(self._caller, self._deadline, self._services.timeouts.write)
        except OSError:
            self.end(Ending.CALLER_GONE)
            await asyncio.sleep(0)  # where the cancellation arrives

    def quotes_credential(self, text: bytes) -> bool:
        """Whether a text holds the provider's key that the call was sent with."""
        return self._credential is not None and self._credential in text

    # the ends of a call

    def _fail(self, error: BaseException) -> None:
        """Answers the caller if that is still possible. If this fails too, it answers with a fault, or else closes."""
        try:
            try:
                if self._sent is not None:
                    self._sent.abort()
                self._tell(error)
            except BaseException as fault:  # noqa: BLE001 - told to the caller in the place of what could not be
                self._replies.of_fault(self.relay, fault)
        except BaseException as fault:  # noqa: BLE001 - nothing more can be told: the connection closes
            _log.error("fault", exc_info=fault, **{"call.id": self.call.id})
            self._replies.keep = False
            self._caller.abort()

    def _tell(self, error: BaseException) -> None:
        replies, relay = self._replies, self.relay
        if isinstance(error, asyncio.CancelledError) and self._ending is not None:
            replies.of_ending(relay, self._ending)
        elif isinstance(error, Refusal):
            replies.of_refusal(error)
        elif isinstance(error, UpstreamFailure):
            replies.of_failure(relay, error, reused=self._sent is not None and self._sent.reused)
        else:
            replies.of_fault(relay, error)

    def _close(self) -> None:
        """Makes the one record, and lets the connection go on. A step that fails does not stop the others."""
        self._services.under_way.discard(self)
        self.call.credentials = {}
        record: dict[str, object] = {}
        drop, tell = partial(self.request.body.drop, self.call.decoded_bytes), self._services.record
        clear = (self._deadline.clear, self._total.clear)
        for step in (*clear, drop, self.relay.read_facts, lambda: record.update(tell(self.call))):
            try:
                step()
            except BaseException as error:  # noqa: BLE001 - a step that fails must not keep the rest from happening
                _log.error("fault", exc_info=error, **{"call.id": self.call.id})
        self._services.observers.ended(self, record)
        # These refer back to it. Without them it is free now, with the bodies it holds, and waits for no collector.
        if self.relay.failure is not None:
            self.relay.failure.__traceback__ = None
        del self.relay, self._deadline, self._total
        self._caller.exchange_ended(self.request, keep=self._replies.keep)

    def _write(self, data: bytes) -> None:
        self._caller.write(data)
        if self._caller.unsent > MOST_UNSENT and not self._crowded and self._sent is not None:
            self._crowded = True
            self._sent.pause()
            self.relay.nudge()
