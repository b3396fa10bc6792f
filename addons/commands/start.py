"""``start`` and ``web``: the sidecar in the foreground, inside mitmproxy's own program."""

import os
import socket
from pathlib import Path
from typing import Final

from addons import assembly
from addons.configuration import loading, mitmproxy_options
from addons.configuration.errors import ConfigurationError
from addons.configuration.file_checks import check_files
from addons.configuration.settings import Settings
from addons.process import logs
from addons.process.listener_certificate import lay_out
from addons.process.lockdown import arguments
from addons.values.secret import Secret, SecretError

SCRIPT: Final = Path(__file__).parent.parent / "sidecar.py"
WEB_COLUMNS: Final = ["status", "comment"]
KEY_LOGS: Final = ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE")


def start(config: Path | None, *, inspect: bool) -> int:
    """Checks everything that can be checked beforehand, then runs mitmdump, or mitmweb to inspect.

    Raises:
        ConfigurationError: a setting, or a file or secret it names, is wrong.
    """
    settings = prepare(config)
    words = ["-q", "-s", str(SCRIPT), *_modes(settings), *arguments(_options(settings, inspect=inspect))]
    if config:
        os.environ[loading.FILE_VARIABLE] = str(config.absolute())
    if inspect:
        os.environ[loading.INSPECT_VARIABLE] = "1"
        from mitmproxy.tools.main import mitmweb

        mitmweb(words)
    else:
        from mitmproxy.tools.main import mitmdump

        mitmdump(words)
    return 1 if logs.failure() else 0


def prepare(config: Path | None) -> Settings:
    """The settings, with every file and secret they name looked at once."""
    settings = loading.load(config)
    faults = [
        f"{name} is set: it would write TLS secrets to a file; unset it" for name in KEY_LOGS if os.environ.get(name)
    ]
    secrets: dict[str, Secret] = {
        f"provider.regions.{region}.api_key": key
        for region in settings.provider.allowed_regions
        if (key := settings.provider.regions[region].api_key)
    }
    if isinstance(settings.limits.storage, Secret):
        secrets["limits.storage"] = settings.limits.storage
    for name, secret in secrets.items():
        try:
            secret.read()
        except SecretError as error:
            faults.append(f"{name}: {error}")
    try:
        check_files(settings)
        assembly.assemble(settings)
        lay_out(settings.listen)
    except (OSError, ValueError) as error:
        faults.append(str(error))
    if faults:
        raise ConfigurationError("\n".join(faults))
    return settings


def _modes(settings: Settings) -> list[str]:
    return [word for mode in mitmproxy_options.all_options(settings)["mode"] for word in ("--mode", mode)]


def _options(settings: Settings, *, inspect: bool) -> dict[str, object]:
    options = {name: value for name, value in mitmproxy_options.all_options(settings).items() if name != "mode"}
    if inspect:
        port = _free(settings.inspect.port)
        return options | {
            "web_host": "127.0.0.1",
            "web_port": port,
            "web_open_browser": False,
            "web_columns": WEB_COLUMNS,
        }
    return options | {"flow_detail": 0}


def _free(port: int) -> int:
    """The port, or one of its own choice for 0. mitmweb itself would end in a traceback where it is taken."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"inspect.port: {port}: {error.strerror}; choose another, or any: --set inspect.port=0"
            ) from None
        return int(trial.getsockname()[1])
