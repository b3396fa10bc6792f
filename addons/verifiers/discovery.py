"""Where an issuer's key set lies: as configured, or as its own document says (OpenID Connect Discovery 1.0)."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from addons.values.endpoint import endpoint
from addons.verifiers.sections import JwtSettings

type Get = Callable[[str], Awaitable[bytes]]
"""The body of what lies at an address. Raises ValueError where it can't be had."""

_WELL_KNOWN = "/.well-known/openid-configuration"


class KeySetAddress(Protocol):
    """Where an issuer's key set lies: written by the operator, or found by discovery."""

    @property
    def url(self) -> str:
        """The address the operator wrote."""

    async def key_set(self, get: Get) -> str:
        """The key set's address.

        Raises:
            ValueError: it can't be told.
        """


@dataclass(frozen=True, slots=True)
class Written:
    url: str

    async def key_set(self, get: Get) -> str:  # noqa: ARG002 - nothing needs to be asked
        return self.url


@dataclass(frozen=True, slots=True)
class Discovered:
    """``issuer`` is what the document must say of itself, to the letter (§4.3): it may be anybody's."""

    url: str
    issuer: str

    async def key_set(self, get: Get) -> str:
        try:
            document = json.loads(await get(self.url))
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError("the discovery document is not JSON") from error
        if not isinstance(document, dict) or document.get("issuer") != self.issuer:
            raise ValueError("the discovery document is another issuer's")
        found = document.get("jwks_uri")
        if not isinstance(found, str):
            raise ValueError("the discovery document names no jwks_uri")  # noqa: TRY004 - the document is at fault
        try:
            return endpoint(found)
        except ValueError as error:
            raise ValueError(f"the discovery document's jwks_uri: {error}") from error


def key_set_address(settings: JwtSettings) -> KeySetAddress:
    if settings.jwks_url is not None:
        return Written(settings.jwks_url)
    if isinstance(settings.discovery, str):
        return Discovered(settings.discovery, settings.issuer)
    return Discovered(settings.issuer.rstrip("/") + _WELL_KNOWN, settings.issuer)
