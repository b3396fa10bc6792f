"""Makes the verifier that the settings ask for."""

from collections.abc import Callable, Mapping
from typing import Final

from addons.foundry.alarm_names import Alarm
from addons.sources.fault import Fault, RaiseAlarm, log_alarm
from addons.sources.http_client import HttpClient
from addons.verifiers.development import Development
from addons.verifiers.discovery import key_set_address
from addons.verifiers.introspection import Introspection
from addons.verifiers.key_sources import KeyFile, KeySet, KeySource
from addons.verifiers.kubernetes import Kubernetes
from addons.verifiers.multipass import Multipass
from addons.verifiers.protocol import Verifier
from addons.verifiers.registry import Registry
from addons.verifiers.sections import IntrospectionSettings, JwtSettings, MultipassSettings
from addons.verifiers.settings import CallerSettings, Name
from addons.verifiers.several import Choice, Knows, Several
from addons.verifiers.signed_token import SignedToken
from addons.verifiers.token_cache import TokenCache
from addons.verifiers.unverified_token import read_unverified
from addons.verifiers.well_formed import WellFormed
from addons.verifiers.workload_sections import KubernetesSettings

_REFUSED_SECONDS: Final = 5.0
"""How long a refusal is remembered: Codex repeats a call that got a 401 (docs/contract.md#refusals)."""


def build_verifier(settings: CallerSettings, alarm: RaiseAlarm = log_alarm) -> Verifier:
    """The verifier that ``settings`` choose. Reads the files they name, opens no connection, needs no running loop.

    Args:
        settings: the section `caller`.
        alarm: gets an alarm when a file or a key set can no longer be read.

    Raises:
        ValueError: a file or secret can't be used; the message says which, where, and what to do.
    """
    choices = [choice for name in settings.verifiers for choice in _CHOICES[name](settings, alarm)]
    return WellFormed(choices[0].verifier if len(choices) == 1 else Several(choices))


def _by_registry(settings: CallerSettings, alarm: RaiseAlarm) -> list[Choice]:
    own = _required(settings.registry, "registry")
    verifier = Registry(own.file, Fault(Alarm.CALLER_REGISTRY, alarm))
    return [Choice(verifier.knows, verifier)]


def _by_signature(settings: CallerSettings, alarm: RaiseAlarm) -> list[Choice]:
    # Refusals are not remembered: a refusal costs no request for each token, and a key unknown now may soon be known.
    return [
        Choice(_issued_by(own.issuer), _remembering(SignedToken(own, _keys(own, alarm)), own, 0))
        for own in _required(settings.issuers, "jwt")
    ]


def _by_introspection(settings: CallerSettings, _alarm: RaiseAlarm) -> list[Choice]:
    own = _required(settings.introspection, "introspection")
    client = HttpClient(own.deadline_seconds, own.trusted_ca)
    return [Choice(_every_token, _remembering(Introspection(own, client), own, _REFUSED_SECONDS))]


def _by_foundry(settings: CallerSettings, _alarm: RaiseAlarm) -> list[Choice]:
    own = _required(settings.foundry, "foundry")
    client = HttpClient(own.deadline_seconds, own.trusted_ca)
    return [Choice(_every_token, _remembering(Multipass(own, client), own, _REFUSED_SECONDS))]


def _by_kubernetes(settings: CallerSettings, _alarm: RaiseAlarm) -> list[Choice]:
    own = _required(settings.kubernetes, "kubernetes")
    client = HttpClient(own.deadline_seconds, own.trusted_ca)
    verifier = Kubernetes(own, client)
    return [Choice(verifier.knows, _remembering(verifier, own, _REFUSED_SECONDS))]


def _by_development(_settings: CallerSettings, _alarm: RaiseAlarm) -> list[Choice]:
    return [Choice(_every_token, Development())]


def _by_certificate(_settings: CallerSettings, _alarm: RaiseAlarm) -> list[Choice]:
    return []  # no token is verified: the gate asks the connection (addons/exchange/client_certificates.py)


_CHOICES: Final[Mapping[Name, Callable[[CallerSettings, RaiseAlarm], list[Choice]]]] = {
    "registry": _by_registry,
    "jwt": _by_signature,
    "introspection": _by_introspection,
    "foundry": _by_foundry,
    "kubernetes": _by_kubernetes,
    "certificate": _by_certificate,
    "development": _by_development,
}


def _required[S](own: S | None, name: Name) -> S:
    if not own:  # CallerSettings refuses this too; a verifier without settings must never accept every token
        raise ValueError(f"caller.{name}: its settings are missing")
    return own


async def _every_token(_token: str) -> bool:
    return True


def _issued_by(issuer: str) -> Knows:
    async def knows(token: str) -> bool:
        found = read_unverified(token)
        return found is not None and found.issuer == issuer

    return knows


def _remembering(
    source: Verifier,
    own: JwtSettings | IntrospectionSettings | MultipassSettings | KubernetesSettings,
    refused_seconds: float,
) -> Verifier:
    return TokenCache(source, seconds=own.cache_seconds, entries=own.cache_entries, refused_seconds=refused_seconds)


def _keys(own: JwtSettings, alarm: RaiseAlarm) -> KeySource:
    fault = Fault(Alarm.CALLER_KEYS, alarm)
    if own.public_key_file is not None:
        return KeyFile(own.public_key_file, fault)
    return KeySet(
        key_set_address(own),
        HttpClient(own.deadline_seconds, own.trusted_ca),
        fault,
        lifetime=own.keys_seconds,
        interval=own.keys_interval_seconds,
        credentials=own.credentials,
    )
