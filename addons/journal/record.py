"""Makes the record of a call: its facts, by their names (docs/contract.md#records).

It never holds secrets, nor values that a caller chose freely: prompts, answers, metadata. Facts that are not known are
left out.
"""

import hashlib
import time
from datetime import UTC, datetime
from typing import Any, Final

from addons.bodies.answer_facts import AnswerFacts
from addons.bodies.common_rows import SERVICE_TIER
from addons.bodies.comparison import Trial
from addons.bodies.verdict import Verdict
from addons.call import Call, Outcome
from addons.foundry.catalogue import is_shut_down_soon
from addons.foundry.permits import Permits
from addons.foundry.provider_errors import error_code
from addons.foundry.refusals import Refusal, excerpt
from addons.foundry.rid import is_rid
from addons.foundry.wrong_paths import hint, shown_method, shown_path
from addons.journal import conventions as otel
from addons.journal.vocabulary import decision, error_type, usage_status
from addons.usage.cost import cost

type Record = dict[str, Any]

LIST_MODELS: Final = "list_models"
"""The operation of a call for the list of models. OpenTelemetry has no name for it."""

NO_API: Final = "chat"
"""The operation of a call that was refused for its path."""

WRONG_PATHS: Final = frozenset({"not_found", "wrong_path", "method_not_allowed", "upgrade_refused"})
"""Refusals that a wrong base URL in an app causes. Their record has the method and path of the request, and a hint."""

QUOTING: Final = frozenset({"invalid_attribution", "invalid_model"})
"""Refusals whose message quotes a value that is in no table. Their message is left out of the record."""

TIERS: Final = frozenset(SERVICE_TIER.rows)
"""OpenAI's service tiers. Another word could be any text of the provider's, so the record says ``other``."""

LONGEST: Final = 128  # characters of a name that the provider gives


def record_of(call: Call) -> Record:
    """All facts of a call that has ended, by their names. Durations are seconds."""
    now = call.ended_at or time.monotonic()
    record = least_of(call, now)
    trace = call.trace
    record["trace_id"] = trace.trace_id
    record["span_id"] = trace.span_id
    record["foundry.trace.source"] = trace.source
    if trace.parent_span_id is not None:
        record["parent_span_id"] = trace.parent_span_id
    if trace.tracestate:
        record["tracestate"] = trace.tracestate
    _add_asked(record, call)
    _add_named(record, call)
    _add_policy(record, call.verdict, call.trial)
    if call.permits is not None:
        _add_permits(record, call.permits)
    if call.released_at is not None and call.to != "nobody":
        _add_sent(record, call, now)
    if call.answer.facts is not None:
        _add_answered(record, call.answer.facts)
    if (money := cost(call)) is not None:
        record["usage.cost"] = money
    if call.refusal is not None:
        _add_refusal(record, call, call.refusal)
    if call.by_hand:
        record["call.by_hand"] = list(call.by_hand)
    if call.alarms:
        record["alarms"] = [str(alarm) for alarm in call.alarms]
    return record


def least_of(call: Call, now: float) -> Record:
    """The facts that every record holds. ``now`` is the time of its end by ``time.monotonic()``."""
    released = call.released_at
    record: Record = {
        **_kind(call),
        "call.id": call.id,
        "call.outcome": str(call.outcome or Outcome.FAULT),
        "policy.decision": decision(call),
        "duration.total": _seconds(call.opened_at, now),
        "duration.sidecar": _seconds(call.opened_at, now if released is None else released),
        **call.judged_by,
    }
    if (error := error_type(call)) is not None:
        record[otel.ERROR_TYPE] = error
    if call.status is not None:
        record[otel.STATUS_CODE] = call.status
    if (status := usage_status(call)) is not None:
        record["usage.status"] = status
    return record


def _kind(call: Call) -> Record:
    """The kind of the call: operation, provider and API; or that it was to another path of Foundry."""
    if call.to == "foundry":
        return {"foundry.other_path": True}
    if call.to == "nobody":
        return {otel.OPERATION: LIST_MODELS, otel.PROVIDER: "openai"}
    if call.api is None:
        return {otel.OPERATION: NO_API, otel.PROVIDER: "openai"}
    return {otel.OPERATION: call.api.operation, otel.PROVIDER: "openai", otel.API_TYPE: call.api.name}


def _add_asked(record: Record, call: Call) -> None:
    """The caller, and what its request says of itself."""
    if call.caller is not None:
        record["caller"] = call.caller.subject
    elif call.peer is not None:
        record[otel.PEER_ADDRESS] = call.peer
    if call.token_prefix is not None:
        record["token.sha256_12"] = call.token_prefix
    if session := call.header("x-palantir-session-id"):
        record["foundry.session"] = hashlib.sha256(session.encode(errors="replace")).hexdigest()[:12]
    if (retries := _number(call.header("x-stainless-retry-count"))) is not None:
        record["request.retry_count"] = retries


def _add_named(record: Record, call: Call) -> None:
    """What the request names: model, projects, path."""
    if call.model is not None:
        record[otel.REQUEST_MODEL] = call.model.provider_model
        if is_shut_down_soon(call.model, datetime.now(UTC).date()):
            record["foundry.model.shutdown"] = str(call.model.shutdown)
    requested = call.document.get("model")
    if isinstance(requested, str) and is_rid(requested):
        record["foundry.model.rid"] = requested
    if call.attribution:
        record["foundry.attribution"] = list(call.attribution)
    if call.region is not None:
        record["region"] = call.region
    if call.other_path is not None:
        record[otel.METHOD] = call.method
        record[otel.URL_PATH] = call.other_path.path
    if call.query_dropped:
        record["request.query_dropped"] = True


def _add_policy(record: Record, verdict: Verdict | None, trial: Trial | None) -> None:
    """What the policy changed and warned of, and what the candidate would do differently."""
    if verdict and verdict.changes:
        record["policy.changes"] = [f"{change.path} {change.action}" for change in verdict.changes]
    if verdict and verdict.warned:
        record["policy.warnings"] = [f"{finding.path} {finding.rule}" for finding in verdict.warned]
    if trial:
        record["policy.candidate.hash"] = trial.policy_hash
    if trial and (trial.failed or trial.differences):
        record["policy.candidate"] = ["failed"] if trial.failed else [str(each) for each in trial.differences]


def _add_permits(record: Record, permits: Permits) -> None:
    if permits.scope is not None:
        record["rate_limit.scope"] = permits.scope
        record["rate_limit.type"] = permits.kind
    if permits.warned:
        record["rate_limit.warned"] = True
    if permits.estimated_tokens is not None:
        record["rate_limit.estimated_tokens"] = permits.estimated_tokens
    if permits.unlimited:
        record["rate_limit.store"] = "unavailable, not limited"


def _add_sent(record: Record, call: Call, now: float) -> None:
    """Where the request was sent, and how long the answer took."""
    assert call.released_at is not None
    record["duration.provider"] = _seconds(call.released_at, now)
    if call.outbound is not None:
        record[otel.SERVER_ADDRESS] = call.outbound.host
        record[otel.SERVER_PORT] = call.outbound.port
    answer = call.answer
    if answer.status is not None and call.to == "provider":
        record[otel.REQUEST_STREAM] = answer.streamed
    if answer.streamed and answer.first_byte_at is not None and call.other_path is None:
        record[otel.TIME_TO_FIRST_CHUNK] = _seconds(call.released_at, answer.first_byte_at)


def _add_answered(record: Record, facts: AnswerFacts) -> None:
    usage = facts.usage
    for name, value in (
        (otel.RESPONSE_MODEL, facts.model),
        (otel.RESPONSE_ID, facts.response_id),
        (otel.RESPONSE_TIER, facts.service_tier if facts.service_tier in TIERS | {None} else "other"),
        ("provider.error.code", error_code(facts.error_code)),
    ):
        if value is not None:
            record[name] = value if len(value) <= LONGEST and value.isprintable() else excerpt(value, LONGEST)
    if usage is not None:
        for name, count in (
            (otel.INPUT_TOKENS, usage.input_tokens),
            (otel.CACHE_READ_TOKENS, usage.cached_tokens),
            (otel.CACHE_WRITE_TOKENS, usage.cache_write_tokens),
            (otel.OUTPUT_TOKENS, usage.output_tokens),
            (otel.REASONING_TOKENS, usage.reasoning_tokens),
        ):
            if count is not None:
                record[name] = count


def _add_refusal(record: Record, call: Call, refusal: Refusal) -> None:
    for name, value in (
        ("policy.rule", refusal.rule),
        ("policy.param", refusal.param),
        ("policy.setting", refusal.decided_by),
        ("refusal.message", _message(call, refusal)),
        ("refusal.instance_id", refusal.instance_id),
        ("refusal.detail", refusal.detail),
        ("provider.error.code", refusal.provider_code),
    ):
        if value:
            record[name] = value
    if refusal.name in WRONG_PATHS:
        record[otel.METHOD] = shown_method(call.method)
        record.setdefault(otel.URL_PATH, shown_path(call.target))
        if advice := hint(call.target, refusal.name):
            record["refusal.hint"] = advice


def _message(call: Call, refusal: Refusal) -> str | None:
    """The message that the caller got; None where it may quote the caller's or the provider's text."""
    if call.released_at is not None or refusal.name in QUOTING:
        return None
    return None if (refusal.name, refusal.rule) == ("refused_feature", "UNKNOWN") else refusal.message


def _seconds(start: float, end: float) -> float:
    """The duration in seconds, rounded to microseconds."""
    return round(end - start, 6)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else None  # noqa: PLR2004 - a count
