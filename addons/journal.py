"""Exactly one record a call, however it ended."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from addons.call import Call, Outcome
from addons.record import record_of
from addons.responses.canary import alarms_of

_log = structlog.get_logger("sidecar.call")

type Sink = Callable[[Call, Mapping[str, Any]], None]
"""Gets every call that ended, with its record. Must not block; what it raises is logged and stops no other."""


class Journal:
    def __init__(self, sinks: Sequence[Sink] = ()) -> None:
        self._sinks = sinks

    def record(self, call: Call) -> Mapping[str, Any]:
        """Called once, at the end of a call."""
        if call.answer.facts:
            call.alarms += alarms_of(call.answer.facts, call.document.get("service_tier"))
        record = record_of(call, call.status)
        for sink in self._sinks:
            try:
                sink(call, record)
            except Exception as error:  # noqa: BLE001 - one that fails must not keep the others from their work
                _log.error("sink_failed", sink=repr(sink), exc_info=error)
        for alarm in call.alarms:
            _log.error("alarm", alarm=alarm, **{"call.id": call.id, "trace_id": call.trace.trace_id})
        level = _log.info if call.outcome is Outcome.SERVED else _log.warning
        level("call", **record)
        return record
