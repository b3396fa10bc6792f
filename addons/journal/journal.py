"""Makes one record of each call, however it ends, gives it to all sinks, and logs it."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog

from addons.bodies.echo_alarms import alarms_of
from addons.call import Call, Outcome
from addons.foundry.alarm_names import Alarm
from addons.journal.alarms import Alarms
from addons.journal.record import Record, least_of, record_of
from addons.journal.unproven import SPAN, Unproven
from addons.journal.vocabulary import CUT_SHORT, is_unproven
from addons.usage.reported import drop_implausible

type Sink = Callable[[Call, Mapping[str, Any]], None]
"""Gets every call that has ended, with its record. Must not block. An exception is logged, and stops no other sink."""

LEVELS: Final[Mapping[Outcome, str]] = {
    Outcome.SERVED: "info",
    Outcome.CALLER_GONE: "info",
    Outcome.REFUSED: "warning",
    Outcome.PROVIDER_ERROR: "warning",
    Outcome.TRUNCATED: "warning",
    Outcome.TIMED_OUT: "warning",
    Outcome.CALLER_STALLED: "warning",
    Outcome.SHUT_DOWN: "warning",
    Outcome.FAULT: "error",
}
"""The level of a call's line in the log, by its outcome."""

CALLS: Final = "sidecar.call"
"""The name of the logger for calls."""

SUMMED: Final = "record.summed"
"""A member, true in the record of a call that has no line of its own in the log (docs/contract.md#records)."""

_log = structlog.get_logger("sidecar.journal")


class CallLog(Protocol):
    """Takes the log line of each call; ``event`` is always "call"."""

    def info(self, event: str, /, **record: Any) -> object: ...
    def warning(self, event: str, /, **record: Any) -> object: ...
    def error(self, event: str, /, **record: Any) -> object: ...


class Journal:
    """Addon: makes the records.

    Args:
        sinks: each gets every record, in this order.
        about: members that every record gets, such as the program's version.
        log: takes the line of each call.
        alarms: get those that calls raise.
        unproven: decides which refusals of unverified callers get a line of their own.
    """

    name = "sidecar-journal"

    def __init__(
        self,
        sinks: Sequence[Sink] = (),
        about: Mapping[str, str] | None = None,
        log: CallLog | None = None,
        alarms: Alarms | None = None,
        unproven: Unproven | None = None,
    ) -> None:
        self._sinks = sinks
        self._about = about or {}
        self._calls: CallLog = log or structlog.get_logger(CALLS)
        self._alarms = alarms or Alarms()
        self._unproven = unproven or Unproven()
        self._summing: asyncio.TimerHandle | None = None

    def record(self, call: Call) -> Mapping[str, Any]:
        """Makes the record of a call that has ended, gives it to the sinks, and returns it. To be called once a call.

        The call must hold its outcome, and its status, refusal and answer where there are any. It raises nothing:
        where the whole record can't be made, it holds what every record does; where a sink fails, the other sinks and
        the log still get the record.
        """
        record = self._record(call)
        summed = is_unproven(call) and not self._stands_alone(call)
        if summed:
            record[SUMMED] = True
        for sink in self._sinks:
            try:
                sink(call, record)
            except Exception as error:  # noqa: BLE001 - one that fails must not keep the others from their work
                _log_error("sink_failed", call, error, sink=getattr(sink, "__qualname__", type(sink).__name__))
        for alarm in call.alarms:
            self._alarms.raise_alarm(alarm, **{"call.id": call.id, "trace_id": call.trace.trace_id})
        if not summed:
            self._log(call, record)
        return record

    def done(self) -> None:
        """mitmproxy's hook at the end: logs the sum that was not logged yet."""
        self._log_sum()

    def _record(self, call: Call) -> Record:
        try:
            drop_implausible(call)
            if call.answer.facts is not None:
                whole = call.outcome not in CUT_SHORT
                raised = alarms_of(call.answer.facts, call.document.get("service_tier"), whole=whole)
                call.alarms += [alarm for alarm in raised if alarm not in call.alarms]
            if call.outcome is Outcome.FAULT and Alarm.FAULT not in call.alarms:
                call.alarms.append(Alarm.FAULT)
            record = record_of(call)
        except Exception as error:  # noqa: BLE001 - whatever fails, the call has a record
            _log_error("record_failed", call, error)
            record = least_of(call, time.monotonic())
        record.update(self._about)
        return record

    def _log(self, call: Call, record: Mapping[str, Any]) -> None:
        try:
            getattr(self._calls, LEVELS[call.outcome or Outcome.FAULT])("call", **record)
        except Exception as error:  # noqa: BLE001 - a log that fails must not fail the call
            _log_error("call_not_logged", call, error)

    def _stands_alone(self, call: Call) -> bool:
        if self._unproven.over:
            self._log_sum()
        alone = self._unproven.stands_alone(call)
        if not alone and self._summing is None:
            try:
                self._summing = asyncio.get_running_loop().call_later(SPAN, self._log_sum)
            except RuntimeError:  # no event loop runs: the sum is logged with the next such call, or at the end
                return alone
        return alone

    def _log_sum(self) -> None:
        if self._summing is not None:
            self._summing.cancel()
            self._summing = None
        total = self._unproven.sum()
        with contextlib.suppress(Exception):  # as in ``_log_error``
            if total is not None:
                _log.warning("calls_summed", **total)


def _log_error(event: str, call: Call, error: Exception, **facts: object) -> None:
    with contextlib.suppress(Exception):  # where the log itself fails, nothing can be logged
        _log.error(event, exc_info=error, **facts, **{"call.id": call.id})
