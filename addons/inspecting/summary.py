"""A call's record in words: one line for a terminal, one for a list, a few for a page.

Read from the record alone, so nothing is here that the record may not hold.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

type Record = Mapping[str, Any]

WIDTH: Final = 90
"""Characters of a line on a page."""

MARKERS: Final[Mapping[str, str]] = {
    "served": ":white_check_mark:",
    "refused": ":no_entry:",
    "failed": ":boom:",
}
"""What a decision looks like in mitmproxy's list of flows: its own names of emoji."""

CHANGED_MARKER: Final = ":pencil2:"
"""Served, though something the app sent was made different or taken out; additions alone are the rule."""


def marker(record: Record) -> str:
    """The emoji name that shows the decision in a list."""
    altered = any(not change.endswith(" added") for change in record.get("policy.changes", ()))
    if record["policy.decision"] == "served" and altered:
        return CHANGED_MARKER
    return MARKERS[record["policy.decision"]]


def comment(record: Record) -> str:
    """Model, project, tokens and time; for what was not served, also why."""
    parts = [
        " ".join(filter(None, (_refused(record), _model(record)))),
        _locators(record),
        _tokens(record),
        _seconds(record),
    ]
    return " · ".join(filter(None, parts))


def line(record: Record) -> str:
    """One call in one line. Of a refusal: the status, the place, the rule, what is wrong, and the setting."""
    if record["policy.decision"] == "served":
        changes = f"changed {', '.join(record['policy.changes'])}" if record.get("policy.changes") else ""
        ended = record.get("answer.ended")
        cut = f"stream {ended}" if ended not in {None, "whole"} else ""
        parts = [_model(record), record.get("caller"), _locators(record), _tokens(record), _seconds(record)]
        return "served  " + " · ".join(filter(None, [_status(record), *parts, cut, changes]))
    setting = record.get("policy.setting")
    return f"{record['policy.decision']:<7} " + " · ".join(
        filter(
            None,
            [
                _status(record),
                record.get("policy.param"),
                record.get("policy.rule"),
                record.get("refusal.message") or record.get("refusal.name") or record.get("answer.ended"),
                f"setting: {setting}" if setting else "",
                record.get("refusal.detail"),
            ],
        )
    )


def lines(record: Record) -> Iterator[str]:
    """The gates' verdict, for a page."""
    yield f"{record['policy.decision'].upper()} {_status(record)}".rstrip()
    for label, text in (
        ("why", record.get("refusal.message") or record.get("refusal.name")),
        ("where", record.get("policy.param")),
        ("rule", record.get("policy.rule")),
        ("setting", record.get("policy.setting")),
        ("detail", record.get("refusal.detail")),
        ("call", _model(record) if record.get("foundry.other_path") else None),
        ("model", " -> ".join(filter(None, (record.get("foundry.model.rid"), record.get("gen_ai.request.model"))))),
        ("region", record.get("region")),
        ("caller", record.get("caller")),
        ("projects", ", ".join(record.get("foundry.attribution", ()))),
        ("tokens", _tokens(record)),
        ("usage", record.get("usage.status")),
        ("time", _seconds(record)),
        ("ended", record.get("answer.ended")),
        ("trace", record.get("trace_id")),
    ):
        for position, part in enumerate(textwrap.wrap(text or "", WIDTH, break_on_hyphens=False)):
            yield f"  {'' if position else label:<9}{part}"
    for label, name in (("changed", "policy.changes"), ("warned of", "policy.warnings")):
        for each in record.get(name, ()):
            yield f"  {label:<9}{each}"


def _refused(record: Record) -> str:
    if record["policy.decision"] == "served":
        return ""
    return " ".join(filter(None, (record.get("policy.param"), record.get("policy.rule") or record.get("refusal.name"))))


def _status(record: Record) -> str:
    return str(record.get("http.response.status_code", ""))


def _model(record: Record) -> str | None:
    """The model; of a call to another of Foundry's paths, which has none, the path."""
    if "url.path" in record:
        return f"{record['http.request.method']} {record['url.path']}"
    return record.get("gen_ai.request.model") or record.get("foundry.model.rid")


def _locators(record: Record) -> str:
    """Projects by the last part of their RIDs: what a person tells them apart by."""
    return ", ".join(rid.rpartition(".")[2] for rid in record.get("foundry.attribution", ()))


def _tokens(record: Record) -> str:
    given, made = record.get("gen_ai.usage.input_tokens"), record.get("gen_ai.usage.output_tokens")
    return "" if given is None and made is None else f"{_count(given)} in + {_count(made)} out"


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"


def _seconds(record: Record) -> str:
    total = record.get("duration.total")
    return "" if total is None else f"{total:.2f} s"
