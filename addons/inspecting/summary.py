"""A call's record in words: one line for a terminal, one for a list, a few for a page.

Read from the record alone, so nothing is here that the record may not hold. Records of flows saved by 0.1 have no
``call.outcome``; what they call their decision stands for it.
"""

import textwrap
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from addons.call import Call, Outcome
from addons.values.printable import printable

type Record = Mapping[str, Any]

WIDTH: Final = 64
"""Characters of a line on a page: as many as fit mitmweb's panel in a window of 1100 pixels."""

_LABEL: Final = 11  # characters of a line that its label takes

MARKERS: Final[Mapping[str, str]] = {
    Outcome.SERVED: ":white_check_mark:",
    Outcome.PROVIDER_ERROR: ":boom:",
    Outcome.TRUNCATED: ":boom:",
    Outcome.TIMED_OUT: ":boom:",
    Outcome.CALLER_GONE: ":wave:",
    Outcome.CALLER_STALLED: ":snail:",
    Outcome.SHUT_DOWN: ":boom:",
    Outcome.REFUSED: ":no_entry:",
    Outcome.FAULT: ":boom:",
    "failed": ":boom:",
}
"""What an outcome looks like in mitmproxy's list of flows: its own names of emoji."""
UNDER_WAY: Final = ":hourglass_flowing_sand:"

WHY: Final[Mapping[str, str]] = {
    Outcome.PROVIDER_ERROR: "The provider's answer says that it failed.",
    Outcome.TRUNCATED: "The provider's answer broke off before its end.",
    Outcome.TIMED_OUT: "The provider was silent for too long.",
    Outcome.CALLER_GONE: "The caller hung up.",
    Outcome.CALLER_STALLED: "The caller did not send, or did not read, in its time.",
    Outcome.SHUT_DOWN: "The sidecar ended before the call did.",
    Outcome.FAULT: "The sidecar had an internal fault; its log has the details.",
}
"""What an outcome means, where the call has no refusal that says it."""

CHANGED_MARKER: Final = ":pencil2:"
"""Served, though something the app sent was made different or taken out; additions alone are the rule."""


def marker(record: Record) -> str:
    """The emoji name that shows the outcome in a list."""
    altered = any(not change.endswith(" added") for change in record.get("policy.changes", ()))
    return CHANGED_MARKER if _is_served(record) and altered else MARKERS[outcome(record)]


def comment(record: Record) -> str:
    """Model, project, tokens, cost, time and caller; for what was not served, first where and why."""
    parts = [
        " ".join(filter(None, (_refused(record), _model(record)))),
        _locators(record),
        *_used(record),
        record.get("caller"),
        ", ".join(record.get("call.by_hand", ())),
    ]
    return " · ".join(filter(None, parts))


def comment_under_way(call: Call) -> str:
    """The same as far as it is known; before the model is, what was asked for."""
    asked = f"{call.method} {call.target.partition('?')[0]}"
    known = {
        "foundry.attribution": call.attribution,
        "gen_ai.request.model": call.model.provider_model if call.model else asked,
    }
    caller = call.caller.subject if call.caller else None
    return " · ".join(filter(None, (", ".join(call.by_hand), _model(known), _locators(known), caller)))


def line(record: Record) -> str:
    """One call in one line. Of a refusal: the status, the place, the rule, what is wrong, and the setting.

    No character of it has a terminal do anything, whatever a caller's name holds.
    """
    if _is_answered(record):
        changes = f"changed {', '.join(record['policy.changes'])}" if record.get("policy.changes") else ""
        code = record.get("provider.error.code")
        parts = [_model(record), record.get("caller"), _locators(record), *_used(record)]
        return _shown(record, _status(record), *parts, f"provider: {code}" if code else "", changes)
    setting = record.get("policy.setting")
    wrong = record.get("refusal.message") or record.get("refusal.hint") or _error(record)
    return _shown(
        record,
        _status(record),
        _model(record) if "url.path" in record else "",
        record.get("policy.param"),
        record.get("policy.rule"),
        wrong,
        f"setting: {setting}" if setting else "",
        record.get("refusal.detail"),
    )


def verdict(record: Record) -> Iterator[str]:
    """How the call ended, in one line; of one that was not served, below it why, and what to do."""
    head = f"{outcome(record).upper()} {_status(record)}".rstrip()
    yield " · ".join(filter(None, (head, _model(record), _locators(record), *_used(record))))
    why, hint = record.get("refusal.message") or _error(record) or WHY.get(outcome(record)), record.get("refusal.hint")
    yield from _labelled(
        ("why", why),
        ("hint", None if hint == why else hint),
        ("provider", record.get("provider.error.code")),
        ("where", record.get("policy.param")),
        ("rule", record.get("policy.rule")),
        ("setting", record.get("policy.setting")),
        ("detail", record.get("refusal.detail")),
    )


def facts(record: Record) -> Iterator[str]:
    """What else is known of a call; what was changed is told apart."""
    yield from _labelled(
        ("model", " -> ".join(filter(None, (record.get("foundry.model.rid"), record.get("gen_ai.request.model"))))),
        ("ends on", record.get("foundry.model.shutdown")),
        ("region", record.get("region")),
        ("caller", record.get("caller")),
        ("projects", ", ".join(record.get("foundry.attribution", ()))),
        ("tokens", _all_tokens(record)),
        ("usage", record.get("usage.status")),
        ("cost", _cost(record)),
        ("speed", _speed(record)),
        ("by hand", ", ".join(record.get("call.by_hand", ()))),
        ("call", record.get("call.id")),
        ("trace", record.get("trace_id")),
        ("session", record.get("foundry.session")),
    )
    for label, name in (("warned of", "policy.warnings"), ("trial", "policy.candidate"), ("alarm", "alarms")):
        yield from _labelled(*((label, each) for each in record.get(name, ())))


def changes(record: Record) -> Iterator[str]:
    """What the policy changed, by its paths."""
    yield from (f"  {each}" for each in record.get("policy.changes", ()))


def _labelled(*rows: tuple[str, str | None]) -> Iterator[str]:
    for label, text in rows:
        for position, part in enumerate(textwrap.wrap(text or "", WIDTH - _LABEL, break_on_hyphens=False)):
            yield f"  {'' if position else label:<{_LABEL - 2}}{part}"


def outcome(record: Record) -> str:
    """How the call ended; of a record by 0.1: its decision."""
    return str(record.get("call.outcome") or record["policy.decision"])


def _is_served(record: Record) -> bool:
    return outcome(record) == Outcome.SERVED


def _is_answered(record: Record) -> bool:
    """Whether an answer of the provider's reached the caller, or some of it."""
    return record["policy.decision"] != "refused" and "refusal.instance_id" not in record


def _shown(record: Record, *parts: str | None) -> str:
    return printable(f"{outcome(record):<7} " + " · ".join(filter(None, parts)))


def _refused(record: Record) -> str:
    if _is_served(record):
        return ""
    why = record.get("policy.rule") or _error(record) or record.get("provider.error.code")
    return " ".join(filter(None, (_failed(record), record.get("policy.param"), why)))


def _error(record: Record) -> str | None:
    """What went wrong, where its one word says more than the outcome does."""
    error = record.get("error.type", record.get("refusal.name"))
    return None if error == outcome(record) else error


def _failed(record: Record) -> str:
    """The outcome, where the call failed: one marker stands for several."""
    return outcome(record) if MARKERS[outcome(record)] == ":boom:" and record.get("call.outcome") else ""


def _status(record: Record) -> str:
    return str(record.get("http.response.status_code", ""))


def _model(record: Record) -> str | None:
    """The model; of a call to another of Foundry's paths, or to none, the path."""
    if record.get("gen_ai.operation.name") == "list_models":
        return "list of models"
    if "url.path" in record:
        return f"{record['http.request.method']} {record['url.path']}"
    return record.get("gen_ai.request.model") or record.get("foundry.model.rid")


def _locators(record: Record) -> str:
    """Projects by the last part of their RIDs: what a person tells them apart by."""
    return ", ".join(rid.rpartition(".")[2] for rid in record.get("foundry.attribution", ()))


def _tokens(record: Record) -> str:
    given, made = record.get("gen_ai.usage.input_tokens"), record.get("gen_ai.usage.output_tokens")
    counts = ((given, "in"), (made, "out"))
    return " + ".join(f"{count:,} {way}" for count, way in counts if count is not None)


def _all_tokens(record: Record) -> str:
    parts = [_tokens(record)]
    for name, label in (
        ("gen_ai.usage.cache_read.input_tokens", "cached"),
        ("gen_ai.usage.cache_write.input_tokens", "written to the cache"),
        ("gen_ai.usage.reasoning.output_tokens", "for reasoning"),
    ):
        if count := record.get(name):
            parts.append(f"{count:,} {label}")
    return ", ".join(filter(None, parts))


def _cost(record: Record, label: str = "") -> str:
    cost = record.get("usage.cost")
    return "" if cost is None else f"{label}{Decimal(f'{cost:.4g}'):f}" if cost < 1 else f"{label}{cost:,.2f}"


def _speed(record: Record) -> str:
    """Time to the first token, and tokens a second behind it."""
    first, made = record.get("gen_ai.response.time_to_first_chunk"), record.get("gen_ai.usage.output_tokens")
    if first is None:
        return ""
    rest = record.get("duration.provider", 0) - first
    rate = f", then {made / rest:,.0f} tokens/s" if made and rest > 0 else ""
    return f"{_time(first)} to the first event{rate}"


def _used(record: Record) -> tuple[str, ...]:
    return _tokens(record), _cost(record, "cost "), _seconds(record)


def _seconds(record: Record) -> str:
    total = record.get("duration.total")
    return "" if total is None else _time(total)


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
