"""From settings to the verifier they ask for."""

from typing import Final

from addons.verifiers.development import Development
from addons.verifiers.http_client import HttpClient
from addons.verifiers.introspection import Introspection
from addons.verifiers.key_sources import KeyFile, KeySet, KeySource
from addons.verifiers.multipass import Multipass
from addons.verifiers.protocol import Verifier
from addons.verifiers.registry import Registry
from addons.verifiers.settings import (
    CallerSettings,
    FoundrySettings,
    IntrospectionSettings,
    JwtSettings,
    RegistrySettings,
)
from addons.verifiers.signed_token import SignedToken
from addons.verifiers.token_cache import TokenCache
from addons.verifiers.well_formed import WellFormed

__all__ = ["Verifier", "build"]

_REFUSED_SECONDS: Final = 5.0
"""How long a refused token is refused without asking again: some clients retry a 401 six times (SPEC §8)."""


def build(settings: CallerSettings) -> Verifier:
    """The verifier that ``settings`` choose. Reads the files they name, dials nobody, needs no running loop.

    Raises:
        ValueError: a file or secret can't be used; the message says which, where, and what to do.
    """
    match settings:
        case CallerSettings(verifier="registry", registry=RegistrySettings() as own):
            verifier: Verifier = Registry(own.file)
        case CallerSettings(verifier="jwt", jwt=JwtSettings() as own):
            # Refusals are not remembered: they cost no request, and a key unknown now may be known in a moment.
            verifier = _remembering(SignedToken(own, _keys(own)), own, 0)
        case CallerSettings(verifier="introspection", introspection=IntrospectionSettings() as own):
            client = HttpClient(own.deadline_seconds, own.trusted_ca)
            verifier = _remembering(Introspection(own, client), own, _REFUSED_SECONDS)
        case CallerSettings(verifier="foundry", foundry=FoundrySettings() as own):
            client = HttpClient(own.deadline_seconds, own.trusted_ca)
            verifier = _remembering(Multipass(own, client), own, _REFUSED_SECONDS)
        case CallerSettings(verifier="development"):
            verifier = Development()
        case _:  # the settings' own check was gone round; believing every token is no fallback
            raise ValueError(f"caller.{settings.verifier}: its settings are missing")
    return WellFormed(verifier)


def _remembering(
    source: Verifier, own: JwtSettings | IntrospectionSettings | FoundrySettings, refused_seconds: float
) -> Verifier:
    return TokenCache(source, seconds=own.cache_seconds, entries=own.cache_entries, refused_seconds=refused_seconds)


def _keys(own: JwtSettings) -> KeySource:
    if own.public_key_file is not None:
        return KeyFile(own.public_key_file)
    if own.jwks_url is None:
        raise ValueError("caller.jwt: write either jwks_url or public_key_file")
    client = HttpClient(own.deadline_seconds, own.trusted_ca)
    return KeySet(own.jwks_url, client, lifetime=own.keys_seconds, interval=own.keys_interval_seconds)
