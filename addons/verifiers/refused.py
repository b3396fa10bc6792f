"""The refusals of verifiers. Their messages quote nothing of the token or its claims."""

from collections.abc import Mapping
from typing import NamedTuple

from addons.foundry.refusals import Refusal


def invalid(message: str) -> Refusal:
    """A 401 for a token that is malformed, unknown or not acceptable."""
    return Refusal("unauthorized", message, {"error": "INVALID"})


def expired() -> Refusal:
    """A 401 for a token that has expired. Foundry's own answer carries the same parameter."""
    return Refusal("unauthorized", "The bearer token has expired. Get a new one.", {"error": "EXPIRED"})


def unreachable(detail: str) -> Refusal:
    """A 503. ``detail`` is for the record, not for the caller: which service was asked, and how that failed."""
    return Refusal(
        "verifier_unreachable",
        "The bearer token can't be verified now. Try again shortly.",
        detail=detail,
    )


class Denial(NamedTuple):
    """A refusal as a value, which can be remembered or raised in several tasks.

    The exception itself can't be: it holds its traceback, whose frames hold the token and the answer about it.
    """

    name: str
    message: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    detail: str | None

    @classmethod
    def of(cls, refusal: Refusal) -> "Denial":
        """What a verifier's refusal holds, without its id and its traceback."""
        return cls(refusal.name, refusal.message, refusal.parameters, refusal.headers, refusal.detail)

    def refusal(self) -> Refusal:
        """A new exception, for one call: each has an `errorInstanceId` and a traceback of its own."""
        return Refusal(self.name, self.message, self.parameters, headers=self.headers, detail=self.detail)
