"""Where Foundry's host names are dialled, for calls that are passed on to Foundry itself."""

from collections.abc import Mapping
from typing import Final
from weakref import WeakKeyDictionary

from mitmproxy.connection import Client

from addons.foundry.refusals import Refusal
from addons.passthrough import ForbiddenAddressError, resolve

HTTPS: Final = 443


class NotAllowedError(Exception):
    """Something would dial an address that no configuration names."""


class FoundryAddresses:
    """A name is looked up once for each connection of a caller, so that the one to Foundry is used again."""

    def __init__(self) -> None:
        self._found: WeakKeyDictionary[Client, dict[str, tuple[str, int]]] = WeakKeyDictionary()

    async def look_up(
        self, hostname: str, client: Client, configured: Mapping[str, tuple[str, int] | None]
    ) -> tuple[str, int]:
        """The address that may be dialled. ``configured`` are the names there are, with those the operator wrote.

        Raises:
            NotAllowedError: the name is none of them.
            Refusal: it can't be resolved, or leads where nobody should be led.
        """
        if hostname not in configured:
            raise NotAllowedError(f"{hostname} is no configured host name of Foundry")
        if written := configured[hostname]:
            return written
        found = self._found.setdefault(client, {})
        try:
            if hostname not in found:
                found[hostname] = await resolve(hostname, HTTPS)
        except ForbiddenAddressError as error:
            raise Refusal(
                "host_refused",
                "Foundry's host name leads to this machine itself, or to one that is never dialled; the operator may"
                " write its address under foundry.addresses.",
                detail=str(error),
                setting="foundry.addresses",
            ) from None
        except OSError as error:
            raise Refusal("foundry_unreachable", "Foundry's host name can't be resolved.", detail=str(error)) from None
        return found[hostname]

    def forget(self, client: Client) -> None:
        """Has the next call look again."""
        self._found.pop(client, None)
