"""Checks the files, secrets and names that the settings refer to, so that a fault is seen before the first call."""

import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from addons.configuration.leaves import Keys, leaves
from addons.configuration.settings import Settings
from addons.usage import ledger_file
from addons.usage.dsn import DsnError, connection_parameters
from addons.values.address import split_address
from addons.values.host import is_loopback
from addons.values.secret import Secret, SecretError
from addons.values.small_file import FileError, read_small
from addons.verifiers.settings import CallerSettings

KEY_LOGS: Final = ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE")
"""Variables that make OpenSSL and mitmproxy write the secrets of TLS connections to a file."""

MITMPROXY_FILES: Final = ("config.yaml", "config.yml", "keys.yaml")
"""Files that mitmproxy reads by itself where it finds them beside its certificates."""

MADE: Final = frozenset({"listen.certificates", "usage.ledger"})
"""Settings whose path is created where it is missing."""


_NO_HOME: Final = "there is no home directory for its ~ on this machine; write the whole path"


class FileFault(NamedTuple):
    """What is wrong, and the keys of the setting to change; no keys where the environment is wrong."""

    keys: Keys
    why: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.keys))}: {self.why}" if self.keys else self.why


def check_files(settings: Settings) -> None:
    """Checks as ``faults`` does.

    Raises:
        ValueError: there are faults; the message has a line for each, which begins with the setting's key.
    """
    if found := list(faults(settings)):
        raise ValueError("\n".join(map(str, found)))


def faults(settings: Settings) -> Iterator[FileFault]:
    """What is wrong with the files, secrets and host names of the settings in use. Reads files, resolves names."""
    for name in KEY_LOGS:
        if os.environ.get(name):
            yield FileFault((), f"{name} is set: it would write TLS secrets to a file; unset it")
    if unknown := [FileFault(keys, _NO_HOME) for keys, value in _in_use(settings) if _has_no_home(value)]:
        yield from unknown
        return
    for keys, secret in secrets(settings).items():
        try:
            secret.read_now()
        except SecretError as error:
            yield FileFault(keys, str(error))
    unreadable = [FileFault(keys, why) for keys, path in files(settings).items() if (why := _unreadable(path))]
    yield from unreadable
    for keys, check in _CHECKS.items():
        if not any(fault.keys[: len(keys)] == keys for fault in unreadable):
            yield from (FileFault(keys, why) for why in check(settings))


def _has_no_home(value: Any) -> bool:
    try:
        return isinstance(value, Path) and not value.expanduser()
    except RuntimeError:
        return True


def _unreadable(path: Path) -> str | None:
    try:
        read_small(path)
    except FileError as error:
        return str(error)
    return None


def secrets(settings: Settings) -> Mapping[Keys, Secret]:
    """The secrets in use, by the keys of their settings."""
    return {keys: value for keys, value in _in_use(settings) if isinstance(value, Secret)}


def files(settings: Settings) -> Mapping[Keys, Path]:
    """The files in use that must exist, but for those of secrets, by the keys of their settings."""
    return {
        keys: value.expanduser()
        for keys, value in _in_use(settings)
        if isinstance(value, Path) and ".".join(map(str, keys)) not in MADE
    }


def _in_use(settings: Settings) -> Iterator[tuple[Keys, Any]]:
    """Every value, except those of regions that are not allowed and of verifiers that are not chosen."""
    regions = settings.provider.regions.keys() - set(settings.provider.allowed_regions)
    verifiers = CallerSettings.model_fields.keys() - set(settings.caller.verifiers)
    idle = {("provider", "regions", name) for name in regions} | {("caller", name) for name in verifiers}
    for keys, value in leaves(settings):
        if not any(keys[: len(each)] == each for each in idle):
            yield keys, value


def _trusted(settings: Settings) -> Iterator[str]:
    if trusted := settings.provider.trusted_ca:
        try:
            ssl.create_default_context(cafile=str(trusted))
        except OSError as error:
            yield f"{trusted} is not a PEM bundle of certificates: {error}"


def _listener(settings: Settings) -> Iterator[str]:
    if tls := settings.listen.tls:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
        except OSError as error:
            yield f"{tls.certificate} and {tls.key} are not a certificate and its key: {error}"


def _ledger(settings: Settings) -> Iterator[str]:
    if path := settings.usage.path(settings.listen.certificates):
        try:
            ledger_file.check(path)
        except ledger_file.LedgerError as error:
            yield str(error)


def _shared(settings: Settings) -> Iterator[str]:
    """The URL that a reference holds. A URL in the file itself was checked when the file was read."""
    if isinstance(url := settings.usage.shared, Secret):
        with suppress(SecretError):  # ``faults`` reports it too
            try:
                connection_parameters(url.read_now(), secret=True)
            except DsnError as error:
                yield f"what it refers to {error}"


def _mitmproxy_files(settings: Settings) -> Iterator[str]:
    directory = settings.listen.certificates.expanduser()
    for name in MITMPROXY_FILES:
        if (directory / name).exists():
            yield f"{directory / name}: mitmproxy would read its options or keys from it; move it elsewhere"


def _development_addresses(settings: Settings) -> Iterator[str]:
    """In development mode each name that is listened on must resolve to loopback addresses only."""
    for address in (settings.listen.reverse, settings.listen.proxy):
        if address is None or "development" not in settings.caller.verifiers:
            continue
        host, port = split_address(address)
        try:
            found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except OSError as error:
            yield f"{host} can't be resolved: {error.strerror}"
        else:
            if away := sorted(each for each in found if not is_loopback(each)):
                yield f"{host} resolves to {away[0]}, and caller.verifier development is for loopback; write 127.0.0.1"


_CHECKS: Final[Mapping[Keys, Callable[[Settings], Iterator[str]]]] = {
    ("provider", "trusted_ca"): _trusted,
    ("listen", "tls"): _listener,
    ("usage", "ledger"): _ledger,
    ("usage", "shared"): _shared,
    ("listen", "certificates"): _mitmproxy_files,
    ("listen",): _development_addresses,
}
"""Further checks, by the setting that they belong to. One is left out where a file under its setting can't be read."""
