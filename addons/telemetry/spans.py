"""One span a call: a child of the caller's, so that the sidecar joins the application's trace."""

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

ATTRIBUTES: Final = (
    "gen_ai.operation.name", "gen_ai.provider.name", "openai.api.type", "gen_ai.request.model",
    "gen_ai.response.model", "gen_ai.response.id", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.response.time_to_first_chunk", "server.address", "http.response.status_code", "error.type", "call.id",
    "caller", "foundry.model.rid", "foundry.attribution", "foundry.trace.source", "region", "stream",
    "policy.decision", "policy.rule", "policy.param", "policy.changes", "refusal.name", "refusal.instance_id",
    "rate_limit.scope", "usage.status", "answer.ended", "duration.sidecar", "duration.provider",
    "foundry.other_path", "http.request.method", "url.path",
)  # fmt: skip
"""What of the record a span carries; all of it is free of secrets and content (SPEC §9)."""

NANOSECONDS: Final = 1_000_000_000


class GivenIds(IdGenerator):
    """The ids a call was given when it was opened, for the span that is made of it when it has ended."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class Spans:
    """``provider`` must have been made with ``ids``, and sample all it is given. To be used on one thread."""

    def __init__(self, provider: TracerProvider, ids: GivenIds) -> None:
        self._tracer = provider.get_tracer("foundry-sidecar")
        self._ids = ids

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        """Makes the span of one call that has ended, unless its caller asked for none (sampled flag 0)."""
        trace = call.trace
        if trace.sampled is False:
            return
        self._ids.trace_id, self._ids.span_id = int(trace.trace_id, 16), int(trace.span_id, 16)
        end = time.time_ns()
        span = self._tracer.start_span(
            _name(call),
            _parent(trace),
            SpanKind.CLIENT,
            {name: record[name] for name in ATTRIBUTES if name in record},
            start_time=end - int(record["duration.total"] * NANOSECONDS),
        )
        if "error.type" in record:
            span.set_status(Status(StatusCode.ERROR, record["error.type"]))
        span.end(end)


def _name(call: Call) -> str:
    if call.other_path:
        return f"foundry {call.method}"
    return f"chat {call.model.provider_model}" if call.model else "chat"


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
