"""Reads one YAML file, then ``SIDECAR_…`` variables, then ``--set`` (docs/contract.md#configuration).

Nothing else reads the file. Every error names the file and line, the variable, or the option.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from ruamel.yaml.comments import CommentedMap

from addons.configuration.errors import ConfigurationError
from addons.configuration.faults import Origin, fault_lines
from addons.configuration.overrides import overrides, with_overrides
from addons.configuration.settings import Settings
from addons.usage.settings import NO_FILES
from addons.values.program import PROGRAM
from addons.values.small_file import FileError
from addons.values.yaml_file import read_yaml

DEVELOPMENT_KEY: Final = "OPENAI_API_KEY"
DEVELOPMENT: Final[Mapping[str, Any]] = {
    "caller": {"verifier": "development"},
    "provider": {"regions": {"global": {"api_key": {"env": DEVELOPMENT_KEY}}}},
}
"""The configuration where no file is given: any well-formed token, on loopback, with the developer's own key."""


class Loaded(NamedTuple):
    """Settings, and what tells where each of them was written."""

    settings: Settings
    origin: Origin


def load(path: Path | None) -> Settings:
    """The settings of a file (None: of development mode), with variables and options, which take precedence.

    Relative paths in the file start at the file's own directory.

    Raises:
        ConfigurationError: the file is missing or not YAML, or any value is wrong.
    """
    return load_with_origin(path).settings


def load_with_origin(path: Path | None) -> Loaded:
    """The settings as ``load`` returns them, with their origin. Raises as ``load``."""
    given = overrides()
    document: Any = _parse(path) if path else DEVELOPMENT
    origin = Origin(path, document, given)
    try:
        written = Settings.model_validate(with_overrides(_plain(document), given))
        base = path.parent if path else Path()
        settings = Settings.model_validate(with_overrides(_plain(document, base), given))
        return Loaded(settings.remember(written), origin)
    except ValidationError as error:
        raise ConfigurationError("\n".join(fault_lines(error.errors(include_url=False), origin))) from None


def _parse(path: Path) -> CommentedMap:
    try:
        document = read_yaml(path)
    except FileError as error:
        raise ConfigurationError(str(error)) from None
    if not isinstance(document, CommentedMap):
        raise ConfigurationError(f"{path}:1: the file must hold a mapping of sections, as `{PROGRAM} schema` describes")
    return document


PATH_KEYS: Final = frozenset(
    {"file", "certificate", "key", "trusted_ca", "certificates", "public_key_file", "token_file", "ledger", "candidate"}
)
"""Keys whose text is a path, in any section."""


def _plain(node: Any, base: Path | None = None) -> Any:
    """The document as plain values. With ``base``, relative paths start there, and ``~`` is expanded."""
    if isinstance(node, Mapping):
        return {
            str(key): str(_from(base, value))
            if base and key in PATH_KEYS and isinstance(value, str) and not _is_word(key, value)
            else _plain(value, base)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_plain(value, base) for value in node]
    return node


def _is_word(key: str, value: str) -> bool:
    """Whether the text is a word that may stand there in place of a path."""
    return key == "ledger" and value.lower() in NO_FILES


def _from(base: Path, written: str) -> Path:
    try:
        return base / Path(written).expanduser()
    except RuntimeError:  # there is no home directory; ``file_checks`` reports it
        return Path(written)
