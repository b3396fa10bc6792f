"""Reads ``SIDECAR_…`` variables and ``--set``, and lays them over the file (docs/contract.md#configuration)."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from addons.configuration.errors import ConfigurationError
from addons.configuration.shape import TOP, Place, below, fixed_keys, holds_names
from addons.values.secret import Secret

PREFIX: Final = "SIDECAR_"
FILE_VARIABLE: Final = "SIDECAR_CONFIG"
INSPECT_VARIABLE: Final = "SIDECAR_WEB"  # set by `web`: calls are shown in mitmweb
RECORD_VARIABLE: Final = "SIDECAR_RECORD"  # set by `--record`: the cassette to make
RECORD_CONTENT_VARIABLE: Final = "SIDECAR_RECORD_CONTENT"  # set with it: redacted, or kept
SET_VARIABLE: Final = "SIDECAR_SET"  # set by `--set`: a JSON list of [[key, …], value], for the script mitmproxy loads
OTHER_VARIABLES: Final = frozenset(
    {
        FILE_VARIABLE,
        INSPECT_VARIABLE,
        RECORD_VARIABLE,
        RECORD_CONTENT_VARIABLE,
        SET_VARIABLE,
        "SIDECAR_PYTHON",
        "SIDECAR_VENV",
    }
)

_KUBERNETES: Final = re.compile(
    r"SIDECAR_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)
"""Variables that Kubernetes sets in every pod for a Service whose name begins with ``sidecar``."""

_KEY: Final = re.compile(r'"([^"]*)"|([^."]+)')  # of a dotted key: in quotes, or without dots

_IPV6: Final = re.compile(r"\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\](?::\d*)?")
"""An IPv6 address in brackets, which begins as a list in JSON does."""


class Override(NamedTuple):
    """One value that takes precedence over the file's; ``origin`` names the variable or option that sets it."""

    keys: tuple[str, ...]
    value: Any
    origin: str


def apply_overrides(assignments: Iterable[str]) -> None:
    """Puts each ``--set KEY=VALUE`` into the environment, where the script that mitmproxy loads reads it.

    Raises:
        ConfigurationError: an assignment lacks a key or an equals sign.
    """
    if given := [_assignment(each) for each in assignments]:
        os.environ[SET_VARIABLE] = json.dumps(given)


def clear() -> None:
    """Removes every override from the environment."""
    for name in [name for name in os.environ if name == SET_VARIABLE or _sets_something(name)]:
        del os.environ[name]


def overrides() -> list[Override]:
    """The overrides of variables and options, in ascending precedence.

    Raises:
        ConfigurationError: a variable names no section, is not in capitals where it must be, or holds invalid JSON.
    """
    variables = [_variable(name, value) for name, value in os.environ.items() if _sets_something(name)]
    variables.sort(key=lambda each: len(each.keys))  # a variable of one key takes precedence over one of its section
    given = [_override(keys, value, f"--set {'.'.join(keys)}") for keys, value in _given()]
    return [*variables, *given]


def with_overrides(document: Mapping[str, Any], given: Sequence[Override]) -> dict[str, Any]:
    """A copy of the document with the overrides in it. Mappings are merged; everything else is replaced."""
    result = dict(document)
    for each in given:
        _put(result, each.keys, each.value)
    return result


def _put(node: dict[str, Any], keys: Sequence[str], value: Any, here: Place = TOP) -> None:
    """A secret's reference is replaced as a whole: {env: …} and {file: …} must not be merged into one."""
    key, *rest = keys
    here = below(here, key)
    old = node.get(key)
    merged = dict(old) if isinstance(old, Mapping) and Secret not in here else {}
    if rest:
        _put(merged, rest, value, here)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            _put(merged, (name,), each, here)
    else:
        node[key] = value
        return
    node[key] = merged


def _assignment(text: str) -> tuple[tuple[str, ...], str]:
    found = re.fullmatch(r"""((?:[^="]|"[^"]*")+)=(.*)""", text, re.DOTALL)
    keys = _split(found[1]) if found else ()
    if not found or not keys:
        key = text.partition("=")[0]  # what stands behind may be a secret
        raise ConfigurationError(
            f"--set {key}: write --set KEY=VALUE, for example listen.reverse=127.0.0.1:9000; put a name with dots in"
            ' quotes: limits.user."ada.lovelace"=…'
        )
    return keys, found[2]


def _split(dotted: str) -> tuple[str, ...]:
    """The keys of a dotted key such as ``limits.user."a.b"``; none where the text is no dotted key."""
    if not re.fullmatch(rf"(?:{_KEY.pattern})(?:\.(?:{_KEY.pattern}))*", dotted):
        return ()
    return tuple(quoted or plain for quoted, plain in _KEY.findall(dotted))


def _given() -> Iterator[tuple[tuple[str, ...], str]]:
    for keys, value in json.loads(os.environ.get(SET_VARIABLE, "[]")):
        yield tuple(keys), value


def _sets_something(name: str) -> bool:
    if not name.upper().startswith(PREFIX) or name in OTHER_VARIABLES or _KUBERNETES.fullmatch(name):
        return False
    if not name.startswith(PREFIX):
        raise ConfigurationError(f"environment variable {name}: write {PREFIX} in capitals, or take it out")
    return True


def _variable(name: str, value: str) -> Override:
    keys = name.removeprefix(PREFIX).split("__")
    if keys[0].lower() not in fixed_keys(TOP):
        raise ConfigurationError(
            f"environment variable {name}: no such setting; sections are {', '.join(sorted(fixed_keys(TOP)))}"
        )
    if lower := [key for key, _, free in _walk(keys) if not free and key != key.upper()]:
        raise ConfigurationError(f"environment variable {name}: write {lower[0].upper()} in capitals, or take it out")
    return _override(keys, value, f"the environment variable {name}")


def _override(keys: Sequence[str], value: str, origin: str) -> Override:
    return Override(tuple(named for _, named, _ in _walk(keys)), _value(value, origin), origin)


def _walk(keys: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Each key as written, as the file has it, and whether it is an operator's name, which keeps its case."""
    here = TOP
    for key in keys:
        free = holds_names(here) and key.lower() not in fixed_keys(here)
        named = key if free else key.lower()
        yield key, named, free
        here = below(here, named)


def _value(text: str, origin: str) -> Any:
    """JSON where the text begins like a list or a mapping, or is null; else the text, for the key's type to read."""
    if text.strip() == "null":
        return None
    if not text.lstrip().startswith(("[", "{")) or _IPV6.fullmatch(text.strip()):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{origin}: is not JSON: {error}") from None
