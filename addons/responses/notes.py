"""What is written down while a body is judged."""

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


class EnoughError(Exception):
    """The body holds as many refused things as are kept."""


class Notes:
    """Sorts findings into those that stop the call and those that only warn, as the settings say."""

    def __init__(self, settings: PolicySettings) -> None:
        self._settings = settings
        self.refused: list[Finding] = []
        self.warned: list[Finding] = []
        self.changes: list[Change] = []

    def find(self, finding: Finding) -> bool:
        """Notes a finding; True if it stops the call.

        Raises:
            EnoughError: so much is refused that the rest of the body need not be read.
        """
        stops = finding.rule not in WARNABLE or self._settings.mode_of(finding.rule, finding.row) == "enforce"
        found = self.refused if stops else self.warned
        if len(found) < MOST:
            found.append(finding)
        if len(self.refused) == MOST:
            raise EnoughError
        return stops

    def change(self, change: Change) -> None:
        if len(self.changes) < MOST:
            self.changes.append(change)
