"""What the operator decides where the tables leave a choice; ``apis/policy_settings.py`` is the section it is from."""

from typing import Literal, Protocol

from addons.bodies.rows import Decision, Row

type Mode = Literal["enforce", "warn"]


class Choices(Protocol):
    @property
    def models_with_daily_cache(self) -> tuple[str, ...]:
        """RIDs of models that may be used although they keep prompts at the provider for up to 24 hours."""

    def decision(self, row: Row, key: str) -> Decision:
        """What is decided of a row; ``key`` is the last part of its name."""

    def mode_of(self, rule: str, row: str) -> Mode:
        """Whether a refusal stops the call: the row's own mode goes before its rule's."""
