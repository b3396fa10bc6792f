"""What is written down while a body is judged."""

from collections.abc import Iterable
from typing import Final

from addons.responses.policy_settings import PolicySettings
from addons.responses.rows import WARNABLE
from addons.responses.verdict import Change, Finding

type Trail = tuple["Trail", str | int] | None
"""A place in a body, as a chain from the inside out: rendered only when something is found there."""

MOST: Final = 100
"""Findings, and changes, kept of one body: a hostile one could hold millions, and the first is what is reported."""

_SHOWN: Final = 64  # characters of a name the caller wrote


def shown(name: str) -> str:
    """A field's or type's name, safe to put in a message: printable ASCII, at most 64 characters."""
    return "".join(character if " " <= character <= "~" else "?" for character in name[:_SHOWN])


def path(trail: Trail) -> str:
    """The JSON path of a place: ``input[0].content[2].image_url``; empty for the body itself."""
    parts: list[str] = []
    while trail:
        trail, step = trail
        parts.append(f"[{step}]" if isinstance(step, int) else f".{shown(step)}")
    return "".join(reversed(parts)).removeprefix(".")


class Notes:
    """Sorts findings into those that stop the call and those that only warn, as the settings say."""

    def __init__(self, settings: PolicySettings) -> None:
        self._settings = settings
        self.refused: list[Finding] = []
        self.warned: list[Finding] = []
        self.changes: list[Change] = []

    def find(self, finding: Finding, row: Iterable[str | int]) -> bool:
        """Notes a finding under a row's name; True if it stops the call."""
        stops = finding.rule not in WARNABLE or self._mode(finding.rule, row) == "enforce"
        found = self.refused if stops else self.warned
        if len(found) < MOST:
            found.append(finding)
        return stops

    def change(self, change: Change) -> None:
        if len(self.changes) < MOST:
            self.changes.append(change)

    def _mode(self, rule: str, row: Iterable[str | int]) -> str:
        rules = self._settings.rules
        if not rules:
            return self._settings.mode
        return rules.get(".".join(map(str, row))) or rules.get(rule) or self._settings.mode
