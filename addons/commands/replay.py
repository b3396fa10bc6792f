"""``--record`` and ``replay``: calls into a cassette, and a sidecar that is answered out of one."""

import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from addons.cassettes.cassette import Cassette, CassetteError, Content, read
from addons.cassettes.cassette_writer import check_is_new
from addons.commands.start import start
from addons.configuration import loading, overrides
from addons.configuration.errors import ConfigurationError
from addons.configuration.settings import Settings
from addons.simulator.player import Player

OFFLINE: Final[Mapping[str, Mapping[str, Any]]] = {
    "usage": {"ledger": "off", "shared": None},
    "telemetry": {"otlp_endpoint": None, "otlp_records": False},
    "limits": {"storage": "memory", "budgets": {}},
    "foundry": {"other_paths": "refuse"},
}
"""What a replay changes beside the provider: what was not used must not be counted as used, and no call leaves. Callers
are checked as the configuration says, also where that asks elsewhere.
"""


def record(path: Path, content: Content) -> None:
    """Has the sidecar that starts next record its calls.

    Raises:
        ConfigurationError: the cassette exists, or can't be made.
    """
    try:
        check_is_new(path)
    except CassetteError as error:
        raise ConfigurationError(f"--record {error}") from None
    os.environ[overrides.RECORD_VARIABLE] = str(path.absolute())
    os.environ[overrides.RECORD_CONTENT_VARIABLE] = content


def replay(path: Path, config: Path | None, speed: float, *, once: bool) -> int:
    """Runs the sidecar with this configuration, every region's calls answered from the cassette.

    Raises:
        ConfigurationError: a setting is wrong, or the cassette is.
    """
    if not 0 <= speed < float("inf"):
        raise ConfigurationError(f"--speed {speed}: write 0 for no waiting, 1 for the recorded times, 2 for half")
    try:
        cassette = read(path)
    except CassetteError as error:
        raise ConfigurationError(str(error)) from None
    settings = loading.load(config.absolute() if config else None)
    key = f"replay-key-{secrets.token_hex(8)}"
    with (
        tempfile.TemporaryDirectory(prefix="foundry-sidecar-replay-") as name,
        Player(cassette, api_key=key, directory=Path(name), speed=speed, once=once) as player,
    ):
        print(_banner(cassette), file=sys.stderr)
        return start(_configuration(Path(name), settings, player, key), inspect=False)


def _configuration(directory: Path, settings: Settings, player: Player, key: str) -> Path:
    """The same settings, with the player in the provider's place."""
    (directory / "key").write_text(key)
    document: dict[str, Any] = settings.model_dump(mode="json", exclude_unset=True)
    for section, keys in OFFLINE.items():
        document[section] = {**document.get(section, {}), **keys}
    document["provider"] |= {"trusted_ca": str(player.ca_file), "proxy": None}
    for region in document["provider"]["regions"].values():
        region |= {"url": player.url, "api_key": {"file": str(directory / "key")}, "identity": None}
    overrides.clear()  # they are in the document already, and would win over it
    file = directory / "sidecar.yaml"
    with file.open("w") as stream:
        YAML(typ="safe").dump(document, stream)
    return file


def _banner(cassette: Cassette) -> str:
    return (
        f"Replaying {len(cassette.calls)} recorded calls of {cassette.name} (content {cassette.header.content});"
        " no call leaves this machine."
    )
