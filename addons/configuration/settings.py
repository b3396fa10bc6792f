"""The whole configuration, whose sections agree with each other."""

from typing import Self

from pydantic import PrivateAttr, model_validator

from addons.configuration.agreement import disagreements
from addons.configuration.sections import Sections


class Settings(Sections):
    """All that the operator may configure. ``loading.py`` reads it from the file."""

    _written: "Settings | None" = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if found := disagreements(self):
            raise ValueError("\n".join(found))
        return self

    @property
    def as_written(self) -> "Settings":
        """The same settings with paths as they are written: the same for the same file in any directory."""
        return self._written or self

    def remember(self, written: "Settings") -> Self:
        """Makes ``as_written`` return ``written``."""
        self._written = written
        return self
