"""One record a call, however it ends, for everybody who keeps something of it; then its line in the log."""

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
"""Gets every call that has ended, with its record. Must not block. What it raises is logged and stops no other."""

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
"""The level of a call's line in the log."""

CALLS: Final = "sidecar.call"
"""The logger of calls' lines."""

SUMMED: Final = "record.summed"
"""In the record of a call that has no line of its own in the log."""

_log = structlog.get_logger("sidecar.journal")


class CallLog(Protocol):
    """Takes the log line of each call; ``event`` is always "call"."""

    def info(self, event: str, /, **record: Any) -> object: ...
    def warning(self, event: str, /, **record: Any) -> object: ...
    def error(self, event: str, /, **record: Any) -> object: ...


class Journal:
    """``sinks`` get each record in their order. ``about`` is in every record: the program's version, for one.

    ``alarms`` is told those that calls raise. ``done`` is a hook of mitmproxy's.
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
        """To be called once a call, when it has ended: the call holds its outcome, status, refusal and answer.

        It raises nothing: a record that can't be made whole holds what every record does, and a sink that fails
        costs neither the other sinks nor the line in the log.
        """
        record = self._record(call)
        summed = is_unproven(call) and not self._stands_alone(call)
        if summed:
            record[SUMMED] = True
        for sink in self._sinks:
            try:
                sink(call, record)
            except Exception as error:  # noqa: BLE001 - one that fails must not keep the others from their work
                _tell("sink_failed", call, error, sink=getattr(sink, "__qualname__", type(sink).__name__))
        for alarm in call.alarms:
            self._alarms.tell(alarm, **{"call.id": call.id, "trace_id": call.trace.trace_id})
        if not summed:
            self._log(call, record)
        return record

    def done(self) -> None:
        """Logs the sums that were not logged yet."""
        self._tell_sum()

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
        except Exception as error:  # noqa: BLE001 - whatever it was, the call has a record
            _tell("record_failed", call, error)
            record = least_of(call, time.monotonic())
        record.update(self._about)
        return record

    def _log(self, call: Call, record: Mapping[str, Any]) -> None:
        try:
            getattr(self._calls, LEVELS[call.outcome or Outcome.FAULT])("call", **record)
        except Exception as error:  # noqa: BLE001 - a log that fails must not fail the call
            _tell("call_not_logged", call, error)

    def _stands_alone(self, call: Call) -> bool:
        if self._unproven.over:
            self._tell_sum()
        alone = self._unproven.stands_alone(call)
        if not alone and self._summing is None:
            try:
                self._summing = asyncio.get_running_loop().call_later(SPAN, self._tell_sum)
            except RuntimeError:  # no loop runs: told with the next such call, or at the end
                return alone
        return alone

    def _tell_sum(self) -> None:
        if self._summing is not None:
            self._summing.cancel()
            self._summing = None
        total = self._unproven.sum()
        with contextlib.suppress(Exception):  # as in ``_tell``
            if total is not None:
                _log.warning("calls_summed", **total)


def _tell(event: str, call: Call, error: Exception | None = None, **facts: object) -> None:
    with contextlib.suppress(Exception):  # where the log itself fails there is nobody left to tell
        _log.error(event, exc_info=error, **facts, **{"call.id": call.id})
