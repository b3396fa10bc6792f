"""Reads the configuration: one YAML file, then the environment (SPEC §10).

The only reader of the file and of ``SIDECAR_…`` variables. Every error names the file and line, or the variable.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import SettingsError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from addons.configuration.errors import ConfigurationError
from addons.configuration.settings import Settings

PREFIX: Final = "SIDECAR_"
FILE_VARIABLE: Final = "SIDECAR_CONFIG"
INSPECT_VARIABLE: Final = "SIDECAR_WEB"  # set by `web`: somebody looks at the flows
RECORD_VARIABLE: Final = "SIDECAR_RECORD"  # set by `--record`: the cassette to make
RECORD_CONTENT_VARIABLE: Final = "SIDECAR_RECORD_CONTENT"  # set with it: redacted, or kept
OTHER_VARIABLES: Final = frozenset(
    {FILE_VARIABLE, INSPECT_VARIABLE, RECORD_VARIABLE, RECORD_CONTENT_VARIABLE, "SIDECAR_PYTHON", "SIDECAR_VENV"}
)

DEVELOPMENT: Final[Mapping[str, Any]] = {
    "caller": {"verifier": "development"},
    "provider": {"regions": {"global": {"api_key": {"env": "OPENAI_API_KEY"}}}},
}
"""What runs without a file: any well-formed token, on loopback, with the developer's own key."""


def variable(key: str) -> str:
    """The environment variable of a dotted key: ``listen.reverse`` is ``SIDECAR_LISTEN__REVERSE``."""
    return PREFIX + key.replace(".", "__").upper()


def apply_overrides(assignments: Iterable[str]) -> None:
    """Puts ``--set KEY=VALUE`` into the environment, where it also reaches the script mitmproxy loads.

    Raises:
        ConfigurationError: an assignment without a key or an equals sign.
    """
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not (key and equals):
            raise ConfigurationError(
                f"--set {assignment}: write --set KEY=VALUE, for example listen.reverse=127.0.0.1:9000"
            )
        os.environ[variable(key)] = value


def load(path: Path | None) -> Settings:
    """The settings in force, from a file (None: development mode) and the environment.

    Relative paths in the file are taken from the file's own directory.

    Raises:
        ConfigurationError: the file is missing or not YAML, or any value is wrong.
    """
    _refuse_unknown_variables()
    document: Any = _parse(path) if path else DEVELOPMENT
    base = path.parent if path else Path()
    try:
        return Settings(**_with_paths_from(base, document))
    except ValidationError as error:
        raise ConfigurationError("\n".join(_explain(fault, path, document) for fault in error.errors())) from None
    except SettingsError as error:
        raise ConfigurationError(f"{error}: write it as JSON in the environment") from None


def _refuse_unknown_variables() -> None:
    sections = {name.upper() for name in Settings.model_fields}
    for name in os.environ:
        if not name.startswith(PREFIX) or name in OTHER_VARIABLES:
            continue
        section = name.removeprefix(PREFIX).split("__")[0]
        if section not in sections:
            raise ConfigurationError(
                f"environment variable {name}: no such setting; sections are {', '.join(sorted(sections)).lower()}"
            )


def _parse(path: Path) -> CommentedMap:
    try:
        document = YAML(typ="rt").load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: can't be read: {error}") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{path}:{line}: not YAML: {error.problem}") from None
    except YAMLError as error:
        raise ConfigurationError(f"{path}: not YAML: {error}") from None
    if not isinstance(document, CommentedMap):
        raise ConfigurationError(f"{path}:1: the file must hold a mapping of sections, as `./run.sh schema` describes")
    return document


PATH_KEYS: Final = frozenset(
    {"file", "certificate", "key", "trusted_ca", "certificates", "public_key_file", "token_file", "ledger"}
)
NO_PATH: Final = "off"


def _with_paths_from(base: Path, node: Any) -> Any:
    """The document with relative paths made absolute and ``~`` expanded."""
    if isinstance(node, Mapping):
        return {
            str(key): str(base / Path(value).expanduser())
            if key in PATH_KEYS and isinstance(value, str) and value != NO_PATH
            else _with_paths_from(base, value)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_with_paths_from(base, value) for value in node]
    return node


def _explain(fault: Any, path: Path | None, document: Any) -> str:
    location = [part for part in fault["loc"] if not (isinstance(part, str) and "[" in part)]
    dotted = ".".join(map(str, location)) or "the configuration"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        message = "no such key; `./run.sh schema` lists them"
    elif fault["type"] == "missing":
        message = "is required"
    if named := [name for name in os.environ if name.startswith(PREFIX) and _covers(name, location)]:
        return f"{dotted}: {message} (set by --set or the environment variable {named[0]})"
    where = f"{path}:{_line(document, location)}: " if path else ""
    return f"{where}{dotted}: {message}"


def _covers(name: str, location: list[Any]) -> bool:
    wanted = ".".join(map(str, location)).lower()
    given = name.removeprefix(PREFIX).lower().replace("__", ".")
    return bool(wanted) and (given == wanted or wanted.startswith(given + "."))


def _line(document: Any, location: list[Any]) -> int:
    """The line of the deepest part of the location that the file holds."""
    line = 1
    for part in location:
        if isinstance(document, CommentedMap) and part in document:
            line = document.lc.key(part)[0] + 1
        elif isinstance(document, CommentedSeq) and isinstance(part, int) and part < len(document):
            line = document.lc.item(part)[0] + 1
        else:
            break
        document = document[part]
    return line
