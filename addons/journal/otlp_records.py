"""Sends the record of each call to a collector by OTLP over HTTP, as one log record in the caller's trace."""

import time
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from addons.call import Call, Outcome
from addons.foundry.trace import Trace
from addons.journal import conventions
from addons.journal.journal import LEVELS, SUMMED
from addons.journal.otlp import EXPORT_SECONDS

EVENT: Final = "foundry.sidecar.call"
_SEVERITIES: Final = {"info": SeverityNumber.INFO, "warning": SeverityNumber.WARN, "error": SeverityNumber.ERROR}


class RecordExporter:
    """Sends records on a thread of its own.

    While the collector can't be reached, some two thousand records wait; beyond that OpenTelemetry drops the oldest.
    The lines on standard output are written in any case.

    Args:
        endpoint: base URL of the collector, without a slash at its end.
        resource: what describes this process.
    """

    def __init__(self, endpoint: str, resource: Resource) -> None:
        exporter = OTLPLogExporter(f"{endpoint}/v1/logs", timeout=EXPORT_SECONDS)
        self._provider = LoggerProvider(resource, shutdown_on_exit=False)
        self._provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        self._logger = self._provider.get_logger("foundry-sidecar", schema_url=conventions.SCHEMA_URL)

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        """Queues the record of one call that has ended, unless the call is summed up in the log."""
        if record.get(SUMMED):
            return
        level = LEVELS[call.outcome or Outcome.FAULT]
        self._logger.emit(
            timestamp=time.time_ns(),
            context=_in_trace(call.trace),
            severity_number=_SEVERITIES[level],
            severity_text=level,
            body="call",
            attributes=record,
            event_name=EVENT,
        )

    def close(self) -> None:
        """Sends the records that wait, and ends the thread."""
        self._provider.shutdown()


def _in_trace(trace: Trace) -> Context:
    flags = TraceFlags(TraceFlags.DEFAULT if trace.sampled is False else TraceFlags.SAMPLED)
    span = SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), is_remote=False, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(span), Context())
