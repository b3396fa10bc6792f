"""Makes one span of each call: a child of the caller's span, so that it is part of the application's trace."""

import time
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from addons.call import Call
from addons.foundry.trace import Trace
from addons.journal import conventions as otel
from addons.journal.journal import SUMMED

ATTRIBUTES: Final = (
    otel.OPERATION, otel.PROVIDER, otel.API_TYPE, otel.REQUEST_MODEL, otel.REQUEST_STREAM, otel.RESPONSE_MODEL,
    otel.RESPONSE_ID, otel.RESPONSE_TIER, otel.INPUT_TOKENS, otel.CACHE_READ_TOKENS, otel.CACHE_WRITE_TOKENS,
    otel.OUTPUT_TOKENS, otel.REASONING_TOKENS, otel.TIME_TO_FIRST_CHUNK, otel.SERVER_ADDRESS, otel.SERVER_PORT,
    otel.STATUS_CODE, otel.ERROR_TYPE, otel.METHOD, otel.URL_PATH, "call.id", "call.outcome", "caller",
    "foundry.model.rid", "foundry.attribution", "foundry.trace.source", "foundry.other_path", "region",
    "policy.decision", "policy.rule", "policy.param", "policy.changes", "policy.hash", "configuration.hash",
    "provider.zero_data_retention", "foundry.model.shutdown", "policy.candidate", "policy.candidate.hash",
    "provider.error.code", "refusal.instance_id", "rate_limit.scope", "usage.status", "alarms", "duration.sidecar",
    "duration.provider",
)  # fmt: skip
"""The members of the record that a span has as attributes. None holds secrets or content (docs/contract.md#records)."""

NANOSECONDS: Final = 1_000_000_000


class GivenIds(IdGenerator):
    """Gives a span the ids that its call got at its start: the span itself is made when the call has ended."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class Spans:
    """Makes spans. ``provider`` must use ``ids`` and sample every span. To be used on one thread."""

    def __init__(self, provider: TracerProvider, ids: GivenIds) -> None:
        self._tracer = provider.get_tracer("foundry-sidecar", schema_url=otel.SCHEMA_URL)
        self._ids = ids

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        """Makes the span of one call that has ended.

        There is none where the caller's trace is not sampled (flag 0), or where the call is summed up in the log.
        """
        trace = call.trace
        if trace.sampled is False or record.get(SUMMED):
            return
        self._ids.trace_id, self._ids.span_id = int(trace.trace_id, 16), int(trace.span_id, 16)
        end = time.time_ns()
        span = self._tracer.start_span(
            _name(call, record),
            _parent(trace),
            SpanKind.CLIENT,
            {name: record[name] for name in ATTRIBUTES if name in record},
            start_time=end - int(record["duration.total"] * NANOSECONDS),
        )
        if (error := record.get(otel.ERROR_TYPE)) is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(end)


def _name(call: Call, record: Mapping[str, Any]) -> str:
    if call.other_path:
        return f"foundry {call.method}"
    operation = str(record[otel.OPERATION])
    return f"{operation} {call.model.provider_model}" if call.model else operation


def _parent(trace: Trace) -> Context:
    if trace.parent_span_id is None:
        return Context()
    caller = SpanContext(
        int(trace.trace_id, 16),
        int(trace.parent_span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState.from_header([trace.tracestate]) if trace.tracestate else TraceState(),
    )
    return set_span_in_context(NonRecordingSpan(caller), Context())
