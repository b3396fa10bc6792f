"""``start`` and ``web``: the sidecar in the foreground, inside mitmproxy's own program."""

import errno
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from addons.commands.examined import examined
from addons.configuration import mitmproxy_options, overrides
from addons.configuration.errors import ConfigurationError
from addons.configuration.loading import DEVELOPMENT_KEY
from addons.configuration.settings import Settings
from addons.process import logs, memory
from addons.process.listener_certificate import lay_out
from addons.process.lockdown import SCRIPT, arguments
from addons.values.address import split_address
from addons.values.program import PROGRAM
from addons.values.small_file import FileError

WEB_COLUMNS: Final = ["comment", "status"]

WITHOUT_A_KEY: Final = f"""
Without a key of the provider's:
  {PROGRAM} demo --stay           a simulated provider answers, for calls by hand
  {PROGRAM} simulate              the simulated provider alone; it says how start is pointed at it
  {PROGRAM} replay calls.jsonl    recorded calls answer"""


def start(config: Path | None, *, inspect: bool) -> int:
    """Checks everything that can be checked beforehand, then runs mitmdump, or mitmweb to inspect.

    1 where a port is taken, before any is listened on.

    Raises:
        ConfigurationError: a setting, or a file or secret it names, is wrong.
    """
    memory.keep_pages()
    _until_it_runs()
    settings = prepare(config)
    if taken := list(_taken(settings, inspect=inspect)):
        print(*taken, sep="\n", file=sys.stderr)
        return 1
    words = ["-q", "-s", str(SCRIPT), *_modes(settings), *arguments(_options(settings, inspect=inspect))]
    if config:
        os.environ[overrides.FILE_VARIABLE] = str(config.absolute())
    if inspect:
        os.environ[overrides.INSPECT_VARIABLE] = "1"
        from mitmproxy.tools.main import mitmweb

        mitmweb(words)
    else:
        from mitmproxy.tools.main import mitmdump

        mitmdump(words)
    return 1 if logs.failure() else 0


def _until_it_runs() -> None:
    """How signals are taken before mitmproxy and the sidecar's addons take them over."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the configuration is being read anyway
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # asyncio would cancel mitmproxy's start, which then may hang


def prepare(config: Path | None) -> Settings:
    """The settings, with all they need on this machine looked at, and their directory made.

    Raises:
        ConfigurationError: a setting, or a file or secret it names, is wrong.
    """
    try:
        settings = examined(config)
    except ConfigurationError as error:
        if config is None and DEVELOPMENT_KEY in str(error):
            raise ConfigurationError(f"{error}\n{WITHOUT_A_KEY}") from None
        raise
    try:
        lay_out(settings.listen)
    except (OSError, FileError) as error:
        raise ConfigurationError(f"listen.certificates: {error}") from None
    return settings


def _taken(settings: Settings, *, inspect: bool) -> Iterator[str]:
    """Every port is tried before any is listened on, so that nothing is half started."""
    listen = settings.listen
    listeners = {"listen.reverse": listen.reverse, "listen.proxy": listen.proxy, "listen.admin": listen.admin}
    if inspect:
        listeners["inspect.port"] = f"127.0.0.1:{settings.inspect.port}"
    for key, address in listeners.items():
        if address is None:
            continue
        if why := _why_not(*split_address(address)):
            yield f"{key}: {address}: {why}; choose another, or stop what listens there"


def _why_not(host: str, port: int) -> str | None:
    """Why nothing can listen there. Of a name's addresses those count whose family this machine has, if it has any."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        return error.strerror
    absent: list[str | None] = []
    for family, kind, _, _, place in places:
        try:
            with socket.socket(family, kind) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                trial.bind(place)
        except OSError as error:
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                return error.strerror
            absent.append(error.strerror)
    return absent[0] if len(absent) == len(places) else None


def _modes(settings: Settings) -> list[str]:
    return [word for mode in mitmproxy_options.all_options(settings)["mode"] for word in ("--mode", mode)]


def _options(settings: Settings, *, inspect: bool) -> dict[str, object]:
    options = {name: value for name, value in mitmproxy_options.all_options(settings).items() if name != "mode"}
    if inspect:
        host, port = split_address(settings.listen.reverse)
        return options | {
            "listen_host": host,  # what the page's foot tells; where to listen is in each mode
            "listen_port": port,
            "web_host": "127.0.0.1",
            "web_port": _free(settings.inspect.port),
            "web_open_browser": False,
            "web_columns": WEB_COLUMNS,
        }
    return options | {"flow_detail": 0}


def _free(port: int) -> int:
    """The port, or one of its own choice for 0. mitmweb itself would end in a traceback where it is taken."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(("127.0.0.1", port))
        return int(trial.getsockname()[1])
