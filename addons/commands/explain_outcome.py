"""What ``explain`` found out: how each request would be treated, and what that comes to in all."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from addons.bodies.comparison import Decided, Difference, Place, differences
from addons.bodies.verdict import Finding, Json
from addons.cassettes.redaction import is_mark
from addons.commands.explain_sources import Unread
from addons.foundry.refusals import Refusal
from addons.inspecting.explanation import Asked, Explanation

ONLY_A_MARK: Final = "is redacted, and the policy decides by the text that was at {}"

_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class Treated:
    """One request. ``before`` is None where nothing is compared; the explanations are None for a record."""

    name: str
    caller: str | None
    projects: tuple[str, ...]
    after: Decided
    before: Decided | None = None
    explained: Explanation | None = None
    explained_before: Explanation | None = None

    @property
    def differences(self) -> tuple[Difference, ...]:
        return differences(self.before, self.after) if self.before else ()


def decided(explained: Explanation) -> Decided:
    """What an explanation comes to."""
    if (refusal := explained.refusal) is not None:
        return Decided(refused=Place(refusal.rule or refusal.name, refusal.param or ""))
    return Decided(
        warned=frozenset(Place(finding.rule, finding.path) for finding in explained.warnings),
        changed=frozenset(Place(change.rule, f"{change.path} {change.action}") for change in explained.changes),
        leaves_as=f"{explained.destination} {explained.members.get('model')}",
    )


def without_marks(explained: Explanation, asked: Asked, document: Json) -> Explanation | Unread:
    """The same without what was found only because a mark stands for a text.

    Where nothing else refuses the call, nobody knows whether it would be refused.
    """
    if not asked.redacted:
        return explained
    refused, warned = (
        tuple(finding for finding in found if not _is_marked(document, finding))
        for found in (explained.findings, explained.warnings)
    )
    if explained.findings and not refused:
        return Unread(asked.name, ONLY_A_MARK.format(explained.findings[0].path))
    refusal = explained.refusal
    if refused and refused[0] != explained.findings[0]:
        first = refused[0]
        refusal = Refusal(first.refusal, first.message, param=first.path, rule=first.rule)
    return replace(explained, refusal=refusal, findings=refused, warnings=warned)


def _is_marked(document: Json, finding: Finding) -> bool:
    for index, member in _STEP.findall(finding.path):
        if is_mark(document):
            return True
        try:
            document = document[int(index)] if index else document[member]
        except (LookupError, TypeError):
            return False
    return is_mark(document)


def summary(treated: Sequence[Treated], unread: Sequence[Unread], *, compared: bool) -> dict[str, Any]:
    """Counts alone. ``by_rule`` counts a request once for each effect and rule."""
    counted = [each for each in treated if each.differences] if compared else treated
    refused = sum(each.after.refused is not None for each in treated)
    return {
        "requests": len(treated),
        "served": len(treated) - refused,
        "refused": refused,
        **({"otherwise": len(counted)} if compared else {}),
        **_whose(counted),
        "not_judged": len(unread),
        "by_rule": list(_by_rule(treated, compared=compared)),
    }


def _by_rule(treated: Sequence[Treated], *, compared: bool) -> Iterator[dict[str, Any]]:
    found: dict[tuple[str, str], list[Treated]] = {}
    for each in treated:
        if compared:
            causes = {(difference.effect, difference.rule): None for difference in each.differences}
        else:
            causes = {("refuses", each.after.refused.rule): None} if each.after.refused else {}
        for cause in causes:
            found.setdefault(cause, []).append(each)
    for (effect, rule), requests in sorted(found.items(), key=lambda row: -len(row[1])):
        yield {"effect": effect, "rule": rule, "requests": len(requests), **_whose(requests)}


def _whose(treated: Iterable[Treated]) -> dict[str, int]:
    found = list(treated)
    return {
        "callers": len({each.caller for each in found if each.caller}),
        "projects": len({project for each in found for project in each.projects}),
    }


def summary_text(counts: dict[str, Any]) -> Iterator[str]:
    """The same for a person."""
    requests, otherwise = counts["requests"], counts.get("otherwise")
    told = f"{counts['served']} of {requests} would be served, {counts['refused']} refused"
    if otherwise is not None:
        told = f"{otherwise} of {requests} would be treated differently{_of(counts)}"
    yield told + (f"; {counts['not_judged']} could not be judged" if counts["not_judged"] else "")
    for row in counts["by_rule"]:
        yield f"  {row['effect'].replace('_', ' ')} {row['rule']}: {row['requests']}{_of(row)}"


def _of(counts: dict[str, Any]) -> str:
    named = [_count(counts["callers"], "caller"), _count(counts["projects"], "project")]
    return f", of {' and '.join(filter(None, named))}" if any(named) else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}" if number else ""
