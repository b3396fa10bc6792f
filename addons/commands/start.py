"""``start`` and ``web``: the sidecar in the foreground, inside mitmproxy's own program."""

import os
import socket
from pathlib import Path
from typing import Final

from addons import assembly, configuration
from addons.configuration import ConfigurationError
from addons.listener_certificate import lay_out
from addons.lockdown import arguments
from addons.secret import Secret, SecretError
from addons.settings import Settings, split_address

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
        os.environ[configuration.FILE_VARIABLE] = str(config.absolute())
    if inspect:
        os.environ[configuration.INSPECT_VARIABLE] = "1"
        from mitmproxy.tools.main import mitmweb

        mitmweb(words)
    else:
        from mitmproxy.tools.main import mitmdump

        mitmdump(words)
    return 0


def prepare(config: Path | None) -> Settings:
    """The settings, with every file and secret they name looked at once."""
    settings = configuration.load(config)
    faults = [
        f"{name} is set: it would write TLS secrets to a file; unset it" for name in KEY_LOGS if os.environ.get(name)
    ]
    secrets = {
        f"provider.regions.{region}.api_key": settings.provider.regions[region].api_key
        for region in settings.provider.allowed_regions
    }
    if isinstance(settings.limits.storage, Secret):
        secrets["limits.storage"] = settings.limits.storage
    for key, secret in secrets.items():
        try:
            secret.read()
        except SecretError as error:
            faults.append(f"{key}: {error}")
    try:
        assembly.check_files(settings)
        assembly.assemble(settings)
        lay_out(settings)
    except (OSError, ValueError) as error:
        faults.append(str(error))
    if faults:
        raise ConfigurationError("\n".join(faults))
    return settings


def _modes(settings: Settings) -> list[str]:
    return [word for mode in assembly.all_options(settings)["mode"] for word in ("--mode", mode)]


def _options(settings: Settings, *, inspect: bool) -> dict[str, object]:
    options = {name: value for name, value in assembly.all_options(settings).items() if name != "mode"}
    if inspect:
        host, port = _free(settings.inspect.listen)
        return options | {"web_host": host, "web_port": port, "web_open_browser": False, "web_columns": WEB_COLUMNS}
    return options | {"flow_detail": 0}


def _free(address: str) -> tuple[str, int]:
    """The address with a port of its own where that is 0. mitmweb itself would end in a traceback where it is taken."""
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"inspect.listen: {address}: {error.strerror}; choose another port: --set inspect.listen=127.0.0.1:0"
            ) from None
        return host, int(trial.getsockname()[1])
