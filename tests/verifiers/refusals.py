"""What a verifier said about a token, as one value to compare in a table."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from addons.foundry.caller import Caller
from addons.foundry.refusals import Refusal
from addons.verifiers.protocol import Verifier


async def verdict(verifier: Verifier, token: str) -> Caller | str:
    """The caller; or EXPIRED, INVALID, or the refusal's name."""
    try:
        return await verifier.verify(token)
    except Refusal as error:
        refusal = error
    assert token not in f"{refusal} {refusal.detail}", "neither a caller nor a log may see the token"
    if refusal.name == "unauthorized":
        return refusal.parameters["error"]
    assert refusal.kind.status == 503
    return refusal.name


def run[T](main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(main)
