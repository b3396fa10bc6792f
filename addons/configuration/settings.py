"""The whole configuration, held to what must agree between its sections."""

from typing import Self

from pydantic import model_validator

from addons.configuration.agreement import disagreements
from addons.configuration.sections import Sections


class Settings(Sections):
    """All that the operator may configure. Reading the file is ``loading.py``'s work."""

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if found := disagreements(self):
            raise ValueError("\n".join(found))
        return self
