"""An explanation, or how two of them differ, for a person and for a machine."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from addons.inspecting.explanation import Explanation
from addons.values.printable import printable

type Difference = Mapping[str, tuple[str | None, str | None]]
"""What differs, by its label: before and after; None where there is no such thing."""

REMOVED: Final = "(taken out)"
_LONGEST: Final = 200  # characters of a new value that are shown to a person
_COLOURS: Final = {"passed": "32", "served": "32", "refused": "31", "not judged": "33", "not reached": "2"}


def text(explained: Explanation, *, colour: bool = False) -> str:
    """All of it for a person. It quotes the body, so it is not for logs."""
    lines = [f"{printable(explained.name)}: {_painted(verdict(explained), _word(explained), colour)}"]
    for step in explained.steps:
        outcome = _painted(f"{step.outcome:<11}", step.outcome, colour)
        lines.append(f"  {step.gate:<11}  {outcome}  {printable(step.reason)}".rstrip())
    for title, findings in (
        ("all that is refused in the body:", explained.findings[1:] and explained.findings),
        ("let pass, as their rules only warn:", explained.warnings),
    ):
        lines += _listed(title, [finding.message for finding in findings])
    changed = [f"{c.path}  {c.action}  {c.rule}  {c.reason}" for c in explained.changes]
    lines += _listed("changed by the policy:", changed)
    members = [f"{name}: {REMOVED if value is None else _shown(value)}" for name, value in explained.members.items()]
    lines += _listed("members that are changed:", members)
    if explained.destination:
        lines.append(f"  leaves for {_way(explained)}")
    return "\n".join(lines)


def verdict(explained: Explanation) -> str:
    """What would become of the call, in a few words that hold nothing of the body but names."""
    refusal = explained.refusal
    if refusal is None:
        return "served"
    place = f" at {refusal.param}" if refusal.param else ""
    rule = f" ({refusal.rule})" if refusal.rule else ""
    return f"refused with {refusal.kind.status} {refusal.kind.openai_code or refusal.name}{place}{rule}"


def document(explained: Explanation) -> dict[str, Any]:
    """All of it as JSON values. A member that is taken out has no ``becomes``."""
    refusal = explained.refusal
    return {
        "name": explained.name,
        "verdict": _word(explained),
        "gates": [asdict(step) for step in explained.steps],
        "refusal": refusal
        and {
            "status": refusal.kind.status,
            "name": refusal.name,
            "code": refusal.kind.openai_code,
            "path": refusal.param,
            "rule": refusal.rule,
            "message": refusal.message,
        },
        "findings": [asdict(finding) for finding in explained.findings],
        "warnings": [asdict(finding) for finding in explained.warnings],
        "changes": [asdict(change) for change in explained.changes],
        "members": [
            {"member": name} if value is None else {"member": name, "becomes": json.loads(value)}
            for name, value in explained.members.items()
        ],
        "region": explained.region,
        "destination": explained.destination,
    }


def difference(before: Explanation, after: Explanation) -> Difference:
    """What of the verdict, or of what leaves, is another; empty where it is all the same."""
    old, new = dict(_facts(before)), dict(_facts(after))
    labels = dict.fromkeys((*old, *new))
    return {label: (old.get(label), new.get(label)) for label in labels if old.get(label) != new.get(label)}


def difference_text(name: str, differs: Difference, *, colour: bool = False) -> str:
    """One line for each thing that differs, before and after."""
    lines = [f"{printable(name)}:"]
    for label, (old, new) in differs.items():
        was, becomes = (_painted(_shown(side), (side or "").split(" with ")[0], colour) for side in (old, new))
        lines.append(f"  {printable(label)}: {was} → {becomes}")
    return "\n".join(lines)


def _facts(explained: Explanation) -> Iterator[tuple[str, str]]:
    """Everything that makes one explanation another, in words that name no number of either configuration."""
    yield "verdict", verdict(explained)
    for step in explained.steps:
        yield f"gate {step.gate}", step.outcome
    for finding in explained.findings:
        yield f"refused {finding.path or 'body'} ({finding.row or finding.refusal})", finding.rule
    for finding in explained.warnings:
        yield f"warned of {finding.path or 'body'} ({finding.row or finding.refusal})", finding.rule
    for change in explained.changes:
        yield f"change {change.path} ({change.action})", change.rule
    for name, value in explained.members.items():
        yield f"member {name}", REMOVED if value is None else value
    if explained.destination:
        yield "leaves for", _way(explained)


def _way(explained: Explanation) -> str:
    how = f"region {explained.region}" if explained.region else "forwarded to Foundry as it came"
    return f"{explained.destination} ({how})"


def _word(explained: Explanation) -> str:
    return "refused" if explained.refusal else "served"


def _listed(title: str, lines: list[str]) -> list[str]:
    return [f"  {title}", *(f"    {printable(line)}" for line in lines)] if lines else []


def _shown(value: str | None) -> str:
    if value is None:
        return "-"
    value = printable(" ".join(value.split()))
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}… ({len(value)} characters)"


def _painted(words: str, meaning: str, colour: bool) -> str:
    return f"\033[{_COLOURS[meaning]}m{words}\033[0m" if colour and meaning in _COLOURS else words
