"""The settings in force, and how they are replaced when the file changes while the sidecar runs."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from addons.apis.policy_settings import PolicySettings
from addons.configuration.certificate_days import days_to_expiry
from addons.configuration.file_checks import secrets
from addons.configuration.fingerprint import changed_keys
from addons.configuration.meaning import days_to_shutdown, warn_of_days
from addons.configuration.settings import Settings
from addons.exchange.rules import InForce, Rules
from addons.gates.limits_settings import LimitsSettings
from addons.process.listener_certificate import lay_out
from addons.process.reload import Prepared
from addons.values.secret import Secret
from addons.verifiers.grant import Granting
from addons.verifiers.protocol import Verifier
from addons.verifiers.settings import CallerSettings

RELOADED: Final[Mapping[str, Any]] = {
    "provider": {"zero_data_retention", "regions", "allowed_regions"},
    "caller": {
        **dict.fromkeys(set(CallerSettings.model_fields) - {"certificate"}, True),
        "certificate": set(Granting.model_fields),  # the rest is used by handshakes
    },
    "models": True,
    "policy": set(PolicySettings.model_fields) - {"max_body_bytes"},
    "limits": set(LimitsSettings.model_fields) - {"storage", "body_bytes"},
}
"""The settings that can change at run time. The others are built into listeners, mitmproxy's options or open stores."""


class SettingsSource(NamedTuple):
    """Where settings are read from. ``file`` is None where there is no file, only variables and options."""

    file: Path | None
    read: Callable[[], Settings]


type Build = Callable[[Settings, Verifier | None], Rules]
"""Makes rules of settings, and of the earlier verifier where its settings did not change. Raises as
``build_rules.rules_again``.
"""


class NeedsRestartError(Exception):
    """A setting changed that can't change while the sidecar runs."""


class Changing:
    """The settings in force. Reads them again, and makes rules of them.

    Args:
        settings: those in force at the start.
        in_force: the rules made of them; new rules are put there.
        source: where changed settings are read; None: they do not change.
        build: makes rules of settings.
    """

    def __init__(self, settings: Settings, in_force: InForce, source: SettingsSource | None, build: Build) -> None:
        self._settings = settings
        self._secrets = _named(
            settings
        )  # kept, since it is asked for each second, and finding them visits all settings
        self._in_force = in_force
        self._source = source
        self._build = build

    def secrets(self) -> Mapping[str, Secret]:
        """The secrets in use now, by the dotted keys of their settings."""
        return self._secrets

    def files(self) -> Iterator[Path]:
        """The files after whose change the configuration must be read again."""
        if self._source and self._source.file:
            yield self._source.file
        if self._settings.policy.candidate:
            yield self._settings.policy.candidate
        if self._settings.provider.trusted_ca:
            yield self._settings.provider.trusted_ca
        if (proxy := self._settings.provider.proxy) and proxy.credentials and proxy.credentials.file:
            yield proxy.credentials.file  # it is part of the destination, so that new connections are made with it
        if own := self._settings.listen.tls:
            yield from (own.certificate, own.key)
        for upstream in self._settings.provider.regions.values():
            if upstream.identity and upstream.identity.trusted_ca:
                yield upstream.identity.trusted_ca
        yield from _verifier_files(self._settings)

    def warn_of_days(self) -> None:
        """``meaning.warn_of_days``, of the settings in force."""
        warn_of_days(self._settings)

    def days_to_shutdown(self) -> Iterator[tuple[str, int]]:
        """``meaning.days_to_shutdown``, of the settings in force."""
        return days_to_shutdown(self._settings)

    def days_to_expiry(self) -> Iterator[tuple[str, float]]:
        """``certificate_days.days_to_expiry``, of the settings in force."""
        return days_to_expiry(self._settings)

    def prepare(self, changed: set[Path]) -> Prepared:
        """Reads everything again. Changes nothing that is in force. May be called on any thread.

        Args:
            changed: the files that have changed since the last time. Where the verifier uses one of them, a new
                verifier is made.

        Returns:
            What puts the new settings in force, to be called on the event loop's thread, and what the log says of it.

        Raises:
            NeedsRestartError: a setting changed that can't change while the sidecar runs.
            ConfigurationError, OSError, ValueError, SecretError: the new configuration, or a file it names, is wrong.
        """
        settings = self._source.read() if self._source else self._settings
        if fixed := needing_restart(self._settings, settings):
            raise NeedsRestartError(f"{', '.join(fixed)}: changed; this needs a restart of the sidecar")
        same = self._settings.caller.model_dump() == settings.caller.model_dump()
        keep = same and not changed & set(_verifier_files(settings))
        rules = self._build(settings, self._in_force.rules.verifier if keep else None)
        lay_out(settings.listen)

        def take_over() -> None:
            self._settings, self._secrets = settings, _named(settings)
            self._in_force.put(rules)

        before, now = self._in_force.rules.judged_by, rules.judged_by
        told = {**{f"{name}.before": value for name, value in before.items()}, **now}
        if rules.candidate:
            told["policy.candidate.hash"] = rules.candidate.policy_hash
        return Prepared(take_over, {**told, "changed": changed_keys(self._settings, settings)})


def needing_restart(old: Settings, new: Settings) -> list[str]:
    """The settings that differ and can't change while the sidecar runs, as dotted keys of two parts."""
    before, after = (settings.model_dump(exclude=RELOADED) for settings in (old, new))
    return [
        f"{section}.{key}"
        for section, values in after.items()
        for key, value in values.items()
        if value != before[section][key]
    ]


def _named(settings: Settings) -> Mapping[str, Secret]:
    return {".".join(map(str, keys)): secret for keys, secret in secrets(settings).items()}


def _verifier_files(settings: Settings) -> Iterator[Path]:
    caller = settings.caller
    for own in (*caller.issuers, caller.introspection, caller.foundry, caller.kubernetes):
        if own is not None and own.trusted_ca is not None:
            yield own.trusted_ca
