"""Where Foundry's host names are dialled, for calls that are passed on to Foundry itself."""

from collections.abc import Mapping
from typing import Final

from addons.exchange.forbidden_addresses import ForbiddenAddressError, resolve
from addons.foundry.refusals import Refusal

HTTPS: Final = 443


async def address_of(hostname: str, configured: Mapping[str, tuple[str, int] | None]) -> tuple[str, int]:
    """The address to connect to. ``configured``: Foundry's host names, each with the operator's address or None.

    Raises:
        ValueError: the name is none of them; a fault of the sidecar.
        Refusal: it can't be resolved, or resolves to a forbidden address.
    """
    if hostname not in configured:
        raise ValueError("this is no configured host name of Foundry")
    if written := configured[hostname]:
        return written
    try:
        return await resolve(hostname, HTTPS)
    except ForbiddenAddressError as error:
        raise Refusal(
            "host_refused",
            "Foundry's host name resolves to this machine, or to an address that the sidecar never connects"
            " to; the operator may write its address under foundry.addresses.",
            detail=str(error),
            setting="foundry.addresses",
        ) from None
    except OSError as error:
        raise Refusal("foundry_unreachable", "Foundry's host name can't be resolved.", detail=str(error)) from None
