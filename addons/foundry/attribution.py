"""The ``attribution`` header: which resources a call's usage is counted towards (docs/contract.md#attribution)."""

from collections.abc import Sequence
from typing import Final

from addons.foundry.refusals import Refusal, excerpt
from addons.foundry.rid import is_rid

MAX_RESOURCES: Final = 32
MAX_RID_LENGTH: Final = 256
"""Bounds of our own: each resource named costs a rate-limit look-up and a place in the record."""


def read_attribution(values: Sequence[str]) -> tuple[str, ...]:
    """The RIDs named, without repetition, in their order; none means usage belongs to the caller.

    Args:
        values: every ``attribution`` header of the call. Each is a comma-separated list; Palantir's Python SDK
            joins with a comma and a space. Empty elements count for nothing (RFC 9110 §5.6.1.2).

    Raises:
        Refusal: ``invalid_attribution`` when an element is no RID, or there are too many.
    """
    named = [part for part in (part.strip(" \t") for part in ",".join(values).split(",")) if part]
    for position, rid in enumerate(named, start=1):
        if len(rid) > MAX_RID_LENGTH or not is_rid(rid):
            raise _refusal(
                f"Element {position} of the attribution header, '{excerpt(rid)}', is not a resource identifier"
                f" (ri.<service>.<instance>.<type>.<locator>, at most {MAX_RID_LENGTH} characters)."
            )
    resources = tuple(dict.fromkeys(named))
    if len(resources) > MAX_RESOURCES:
        raise _refusal(
            f"The attribution header names {len(resources)} resources, but at most {MAX_RESOURCES} are counted."
        )
    return resources


def _refusal(message: str) -> Refusal:
    return Refusal("invalid_attribution", message, parameters={"header": "attribution"}, param="attribution")
