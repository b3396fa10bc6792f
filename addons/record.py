"""The one record of a call: which facts, under which names (SPEC §9).

OpenTelemetry's GenAI names are still marked Development upstream, so they stand here and nowhere else.
Values a caller chose freely (prompts, answers, metadata) and secrets are never among them.
"""

import hashlib
import time
from collections.abc import Mapping
from typing import Any, Final, Literal

from addons.call import Call, Outcome, To
from addons.foundry.rid import is_rid

OPERATION: Final[Mapping[To, Mapping[str, str]]] = {
    "provider": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "openai.api.type": "responses",
    },
    "foundry": {},
}
"""What kind of call it is, by where it leaves for."""


def decision(call: Call) -> Literal["allowed", "refused"]:
    """Whether policy let the call leave."""
    return "refused" if call.released_at is None else "allowed"


def record_of(call: Call, status: int | None) -> dict[str, Any]:
    """Names to values; ``status`` is what the caller got. Absent facts are left out."""
    now = time.monotonic()
    answer, facts, refusal = call.answer, call.answer.facts, call.refusal
    usage = facts.usage if facts else None
    permits = call.permits
    released = call.released_at
    requested = call.document.get("model")
    session = call.header("x-palantir-session-id")
    record: dict[str, Any] = {
        **OPERATION[call.to],
        "foundry.other_path": call.other_path is not None or None,
        "http.request.method": call.method if call.other_path else None,
        "url.path": call.other_path.path if call.other_path else None,
        "gen_ai.request.model": call.model.provider_model if call.model else None,
        "gen_ai.response.model": facts.model if facts else None,
        "gen_ai.response.id": facts.response_id if facts else None,
        "gen_ai.usage.input_tokens": usage.input_tokens if usage else None,
        "gen_ai.usage.output_tokens": usage.output_tokens if usage else None,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens if usage else None,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens if usage else None,
        "gen_ai.response.time_to_first_chunk": None if call.other_path else _between(released, answer.first_byte_at),
        "server.address": call.outbound.host if call.outbound else None,
        "http.response.status_code": status,
        "error.type": refusal.name if refusal else None if call.outcome is Outcome.SERVED else call.outcome,
        "call.id": call.id,
        "caller": call.caller.subject if call.caller else None,
        "token.sha256_12": call.token_prefix,
        "foundry.model.rid": requested if isinstance(requested, str) and is_rid(requested) else None,
        "foundry.attribution": list(call.attribution) or None,
        "foundry.session": hashlib.sha256(session.encode()).hexdigest()[:12] if session else None,
        "foundry.trace.source": call.trace.source,
        "trace_id": call.trace.trace_id,
        "span_id": call.trace.span_id,
        "parent_span_id": call.trace.parent_span_id,
        "tracestate": call.trace.tracestate,
        "region": call.region,
        "stream": answer.streamed if answer.status else None,
        "policy.decision": decision(call),
        "policy.rule": refusal.rule if refusal else None,
        "policy.param": refusal.param if refusal else None,
        "policy.setting": refusal.decided_by if refusal else None,
        "policy.changes": [f"{c.path} {c.action}" for c in call.verdict.changes] or None if call.verdict else None,
        "policy.warnings": [f"{f.path} {f.rule}" for f in call.verdict.warned] or None if call.verdict else None,
        "refusal.name": refusal.name if refusal else None,
        "refusal.message": _message(call),
        "refusal.instance_id": refusal.instance_id if refusal else None,
        "refusal.detail": refusal.detail if refusal else None,
        "rate_limit.scope": permits.scope if permits else None,
        "rate_limit.type": permits.kind if permits else None,
        "rate_limit.warned": permits.warned or None if permits else None,
        "rate_limit.estimated_tokens": permits.estimated_tokens if permits else None,
        "rate_limit.store": "unavailable, not limited" if permits and permits.unlimited else None,
        "usage.status": usage_status(call),
        "request.query_dropped": call.query_dropped or None,
        "request.retry_count": _number(call.header("x-stainless-retry-count")),
        "call.outcome": call.outcome,
        "duration.total": _between(call.opened_at, now),
        "duration.sidecar": _between(call.opened_at, released if released is not None else now),
        "duration.provider": _between(released, now),
    }
    return {name: value for name, value in record.items() if value is not None}


def usage_status(call: Call) -> str | None:
    """Whether the provider reported what the call used; None where the call never left for it."""
    if call.released_at is None or call.to != "provider":
        return None
    if call.answer.facts and call.answer.facts.usage:
        return "reported"
    return "unknown" if call.outcome in {Outcome.SERVED, Outcome.PROVIDER_ERROR} else "interrupted"


def _message(call: Call) -> str | None:
    """What the caller was told, where it can hold nothing of the caller's or the provider's but names.

    Left out: what the provider said, and the refusals that quote a value no table knows.
    """
    refusal = call.refusal
    if refusal is None or call.released_at is not None:
        return None
    quotes = refusal.name in {"invalid_attribution", "invalid_model"} or (
        (refusal.name, refusal.rule) == ("refused_feature", "UNKNOWN")
    )
    return None if quotes else refusal.message or None


def _between(start: float | None, end: float | None) -> float | None:
    """Seconds, to the microsecond."""
    return None if start is None or end is None else round(end - start, 6)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else None  # noqa: PLR2004 - a count
