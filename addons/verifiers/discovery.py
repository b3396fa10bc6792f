"""Finds the address of an issuer's key set: as configured, or by OpenID Connect Discovery 1.0."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from addons.values.endpoint import endpoint
from addons.verifiers.sections import JwtSettings

type Get = Callable[[str], Awaitable[bytes]]
"""Fetches the body at an address. Raises ValueError or SecretError where there is none."""

_WELL_KNOWN = "/.well-known/openid-configuration"


class KeySetAddress(Protocol):
    """The address of an issuer's key set: configured, or found by discovery."""

    @property
    def url(self) -> str:
        """The first address that is asked: the key set's own, or the discovery document's."""

    async def key_set(self, get: Get) -> str:
        """The key set's address.

        Args:
            get: fetches the discovery document, where there is one.

        Raises:
            ValueError: the document can't be fetched, is another issuer's, or names no address that may be used.
            SecretError: the credentials for it can't be read.
        """


@dataclass(frozen=True, slots=True)
class ConfiguredAddress:
    """`jwks_url`, as configured."""

    url: str

    async def key_set(self, get: Get) -> str:  # noqa: ARG002 - the address is known without a request
        return self.url


@dataclass(frozen=True, slots=True)
class DiscoveredAddress:
    """`jwks_uri` of the discovery document at ``url``.

    The document must name exactly ``issuer`` (OpenID Connect Discovery 1.0 §4.3): another issuer's keys must not count.
    """

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
    """`jwks_url`; else by the document at `discovery`; else (`discovery: true`) by the document under the issuer."""
    if settings.jwks_url is not None:
        return ConfiguredAddress(settings.jwks_url)
    if isinstance(settings.discovery, str):
        return DiscoveredAddress(settings.discovery, settings.issuer)
    return DiscoveredAddress(settings.issuer.rstrip("/") + _WELL_KNOWN, settings.issuer)
