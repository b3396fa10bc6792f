"""Addon: the configuration and the certificates it names may change while calls are served.

What is good takes over whole, for calls that begin from then on. What is bad changes nothing: the log says why,
with file and line. Files of tokens and keys are looked at by those who use them (`WatchedFile`, `Secret`).
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from mitmproxy import ctx
from mitmproxy.net import tls

from addons.process.listener_certificate import lay_out
from addons.responses.policy_settings import PolicySettings
from addons.rules import InForce, Rules
from addons.settings import Settings
from addons.stores.limits_settings import LimitsSettings
from addons.verifiers.protocol import Verifier
from addons.verifiers.watched_file import stamp

LOOK_EVERY: Final = 1.0  # seconds
TRY_AGAIN_EVERY: Final = 5.0  # seconds; what a refused configuration names may come later than the configuration

RELOADED: Final[Mapping[str, Any]] = {
    "provider": {"zero_data_retention", "regions", "allowed_regions"},
    "caller": True,
    "models": True,
    "policy": set(PolicySettings.model_fields) - {"max_body_bytes"},
    "limits": set(LimitsSettings.model_fields) - {"storage"},
}
"""Settings the rules are made of. All others are built into listeners, mitmproxy's options and open stores."""


class Source(NamedTuple):
    """Where settings come from; ``file`` is None where they all stand in the environment."""

    file: Path | None
    read: Callable[[], Settings]


type Build = Callable[[Settings, Verifier | None], Rules]
"""Settings and, where it may stay, the verifier with what it remembers. Raises whatever is wrong with a file."""

_log = structlog.get_logger("sidecar.reload")


class NeedsRestartError(Exception):
    """A setting changed that can't change while the sidecar runs."""


class Reload:
    """``settings`` were read from ``source``, and ``in_force`` was made of them by ``build``."""

    name = "sidecar-reload"

    def __init__(self, settings: Settings, in_force: InForce, source: Source, build: Build) -> None:
        self._settings = settings
        self._in_force = in_force
        self._source = source
        self._build = build
        self._stamps = self._seen = self._look()  # of what is in force; of what was tried last
        self._tried = 0.0
        self._refused = ""

    def running(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def done(self) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            stamps = await asyncio.to_thread(self._look)
            if stamps != self._seen or (self._refused and time.monotonic() - self._tried >= TRY_AGAIN_EVERY):
                self._seen, self._tried = stamps, time.monotonic()
                await self._take_over(stamps)

    async def _take_over(self, stamps: dict[Path, object]) -> None:
        """``stamps`` were taken before anything is read: a change after them shows at the next look."""
        changed = {path for path, seen in stamps.items() if seen != self._stamps.get(path)}
        try:
            settings, rules = await asyncio.to_thread(self._prepare, changed)
            _renew_certificates()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with what is new, what was stays
            why = str(error)
            if why != self._refused:
                _log.error("reload_refused", why=why, meaning="what was in force stays so")
            self._refused = why
        else:
            self._settings, self._in_force.rules, self._refused = settings, rules, ""
            self._stamps = self._seen = await asyncio.to_thread(self._look) | stamps
            _log.info("reloaded", files=sorted(map(str, changed)))

    def _prepare(self, changed: set[Path]) -> tuple[Settings, Rules]:
        settings = self._source.read()
        if fixed := needing_restart(self._settings, settings):
            raise NeedsRestartError(f"{', '.join(fixed)}: changed; this needs a restart of the sidecar")
        same = self._settings.caller.model_dump() == settings.caller.model_dump()
        keep = same and not changed & set(_verifier_files(settings))
        rules = self._build(settings, self._in_force.rules.verifier if keep else None)
        lay_out(settings)
        return settings, rules

    def _look(self) -> dict[Path, object]:
        return {path: stamp(path) for path in self._files()}

    def _files(self) -> Iterator[Path]:
        if self._source.file:
            yield self._source.file
        if self._settings.provider.trusted_ca:
            yield self._settings.provider.trusted_ca
        if own := self._settings.listen.tls:
            yield from (own.certificate, own.key)
        yield from _verifier_files(self._settings)


def needing_restart(old: Settings, new: Settings) -> list[str]:
    """The settings that differ and can't be changed while the sidecar runs, as dotted keys."""
    before, after = (settings.model_dump(exclude=RELOADED) for settings in (old, new))
    return [
        f"{section}.{key}"
        for section, values in after.items()
        for key, value in values.items()
        if value != before[section][key]
    ]


def _verifier_files(settings: Settings) -> Iterator[Path]:
    caller = settings.caller
    for own in (caller.jwt, caller.introspection, caller.foundry):
        if own is not None and own.trusted_ca is not None:
            yield own.trusted_ca


def _renew_certificates() -> None:
    """mitmproxy keeps what it made of certificate files by their path, so a new content must be told to it."""
    tls.create_proxy_server_context.cache_clear()
    tls.create_client_proxy_context.cache_clear()
    ctx.options.update(certs=list(ctx.options.certs))
