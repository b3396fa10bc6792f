"""The ways a verifier says no. Messages are ours alone: nothing of the token or its claims stands in them."""

import uuid
from dataclasses import replace

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
        headers={"Retry-After": "1"},
        detail=detail,
    )


def afresh(refusal: Refusal) -> Refusal:
    """The same refusal for another call: each call's has an id, and a traceback, of its own."""
    return replace(refusal, instance_id=str(uuid.uuid4()))
