"""The whole configuration, held to what must agree between its sections."""

from typing import Self

from pydantic import PrivateAttr, model_validator

from addons.configuration.agreement import disagreements
from addons.configuration.sections import Sections


class Settings(Sections):
    """All that the operator may configure. Reading the file is ``loading.py``'s work."""

    _written: "Settings | None" = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if found := disagreements(self):
            raise ValueError("\n".join(found))
        return self

    @property
    def as_written(self) -> "Settings":
        """The same with its paths as the file has them, wherever the file lies."""
        return self._written or self

    def remember(self, written: "Settings") -> Self:
        """Keeps ``written`` as what ``as_written`` gives."""
        self._written = written
        return self
