"""What is written down while a body is judged."""

from typing import Final

from addons.bodies.choices import Choices
from addons.bodies.rows import WARNABLE
from addons.bodies.verdict import Change, Finding

type Trail = tuple["Trail", str | int] | None
"""A place in a body, as a chain from the inside out: rendered only when something is found there."""

MOST: Final = 1000
"""Refused things after which a body is judged no further: a hostile one could hold half a million."""

KEPT: Final = 100
"""Warnings, and changes, that are kept of one body: they go into its record."""

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
    """Enough findings were refused: the rest of the body need not be read."""


class Notes:
    """Sorts findings into those that stop the call and those that only warn, as the settings say.

    Args:
        settings: the operator's choices.
        most: refused things after which judging ends.
    """

    def __init__(self, settings: Choices, most: int = MOST) -> None:
        self._settings = settings
        self._most = most
        self.refused: list[Finding] = []
        self.warned: list[Finding] = []
        self.changes: list[Change] = []

    def find(self, finding: Finding) -> bool:
        """Notes a finding; True if it stops the call.

        Raises:
            EnoughError: ``most`` are refused.
        """
        if not self._stops(finding.rule, finding.row):
            if len(self.warned) < KEPT:
                self.warned.append(finding)
            return False
        self.refused.append(finding)
        if len(self.refused) == self._most:
            raise EnoughError
        return True

    def enough_warnings(self, rule: str, row: str = "") -> bool:
        """Whether a finding of this kind would only warn, and no more of those are kept: it need not be made."""
        return len(self.warned) == KEPT and not self._stops(rule, row)

    def change(self, change: Change) -> None:
        if len(self.changes) < KEPT:
            self.changes.append(change)

    def _stops(self, rule: str, row: str) -> bool:
        return rule not in WARNABLE or self._settings.mode_of(rule, row) == "enforce"
