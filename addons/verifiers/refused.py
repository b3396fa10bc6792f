"""The refusals of verifiers. Their messages quote nothing of the token or its claims."""

from collections.abc import Mapping
from typing import NamedTuple

from addons.foundry.refusals import Refusal


def invalid(message: str) -> Refusal:
    return Refusal("unauthorized", message, {"error": "INVALID"})


def expired() -> Refusal:
    return Refusal("unauthorized", "The bearer token has expired. Get a new one.", {"error": "EXPIRED"})


def unreachable(detail: str) -> Refusal:
    """``detail`` is for the record: what was asked and how it failed."""
    return Refusal(
        "verifier_unreachable",
        "The bearer token can't be checked just now. Try again shortly.",
        detail=detail,
    )


class Denial(NamedTuple):
    """A refusal as a value, to be remembered or handed to many.

    An exception that was raised holds its traceback, and with it the token and what was answered about it.
    """

    name: str
    message: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    detail: str | None

    @classmethod
    def of(cls, refusal: Refusal) -> "Denial":
        return cls(refusal.name, refusal.message, refusal.parameters, refusal.headers, refusal.detail)

    def refusal(self) -> Refusal:
        """One for one call: each call's has an id, and a traceback, of its own."""
        return Refusal(self.name, self.message, self.parameters, headers=self.headers, detail=self.detail)
