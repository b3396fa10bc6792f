"""Says what is wrong with a configuration, where it stands, and what to write instead."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from addons.configuration.gone import GONE
from addons.configuration.overrides import Override
from addons.configuration.shape import TOP, below, fixed_keys, place
from addons.foundry.rid import RID
from addons.values.yaml_file import line_of

ADVICE: Final[Mapping[str, str]] = {
    "missing": "is required",
    **dict.fromkeys(
        ("model_type", "model_attributes_type", "dict_type"), "write keys and values under it, or leave it out"
    ),
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), 'write a list, as JSON: ["a", "b"]'),
    **dict.fromkeys(("bool_type", "bool_parsing"), "write true or false"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "write a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "write a number"),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "write a date: 2027-01-31"),
    "string_type": "write text, in quotes where it looks like a number or a truth value",
    "path_type": "write a path",
}
"""What to write instead, by pydantic's name of the fault. For all others pydantic's own message is used."""

PATTERNS: Final[Mapping[str, str]] = {
    f"^{RID.pattern}$": "write a resource identifier, for example ri.language-model-service..language-model.gpt-5-2",
    r"^[A-Za-z0-9._-]{1,256}$": "write only letters, digits, dots, dashes and underscores: it becomes a header",
}
"""What to write instead, by the pattern that a text does not match."""

_KEY_IN_FRONT: Final = re.compile(r"([a-z_]+(?:\.\w+)*): (.*)", re.DOTALL)


class Origin:
    """Says where a value was written: in the file, in a variable, or on the command line.

    Args:
        path: the file; None where there is none.
        document: its content, as ``yaml_file.read_yaml`` returns it.
        overrides: the values of variables and options, the strongest last.
    """

    def __init__(self, path: Path | None, document: Any, overrides: Sequence[Override] = ()) -> None:
        self._path = path
        self._document = document
        self._overrides = overrides

    def message(self, keys: Sequence[object], message: str) -> str:
        """The message, with the keys that it is about and the place where they were written."""
        dotted = ".".join(map(str, keys)) or "the configuration"
        if by := [each.origin for each in self._overrides if _concerns(each.keys, keys)]:
            return f"{dotted}: {message} (set by {by[-1]})"
        where = f"{self._path}:{line_of(self._document, keys)}: " if self._path else ""
        return f"{where}{dotted}: {message}"


def fault_lines(found: Iterable[Any], origin: Origin) -> list[str]:
    """One line for each fault. ``found`` are pydantic's, as ``ValidationError.errors`` returns them."""
    lines = [origin.message(keys, message) for fault in found for keys, message in _messages(fault)]
    return list(dict.fromkeys(lines))  # where several types are allowed, pydantic reports a fault for each of them


def _messages(fault: Mapping[str, Any]) -> Iterator[tuple[Sequence[object], str]]:
    """The keys and the message of one of pydantic's faults; several of each for a fault of ``agreement``."""
    where = fault["loc"][: fault["loc"].index("[key]")] if "[key]" in fault["loc"] else fault["loc"]
    keys = [
        part for part in where if not (isinstance(part, str) and "[" in part)
    ]  # those are pydantic's names of types
    message = ADVICE.get(fault["type"], fault["msg"].removeprefix("Value error, "))
    if fault["type"] == "extra_forbidden":
        message = _unknown(keys)
    elif fault["type"] == "string_pattern_mismatch":
        message = PATTERNS.get(fault["ctx"]["pattern"], message)
    elif fault["type"] == "literal_error" and "[key]" in fault["loc"]:
        message = f"or write {fault['ctx']['expected']}"
    if keys:
        yield keys, message
        return
    for line in message.splitlines():  # of ``agreement``: each line begins with its key
        named = _KEY_IN_FRONT.fullmatch(line)
        yield ([int(key) if key.isdigit() else key for key in named[1].split(".")], named[2]) if named else ((), line)


def _unknown(keys: Sequence[object]) -> str:
    dotted = ".".join(map(str, keys))
    if dotted in GONE:
        return f"removed in {GONE[dotted].since}: {GONE[dotted].now}"
    name = str(keys[-1])
    siblings = fixed_keys(place(keys[:-1]))
    elsewhere = [f"{section}.{name}" for section in sorted(fixed_keys(TOP)) if name in fixed_keys(below(TOP, section))]
    if close := difflib.get_close_matches(name, siblings, n=1) or elsewhere:
        return f"no such key; did you mean {close[0]}?"
    return f"no such key; the keys here are {', '.join(sorted(siblings))}" if siblings else "no such key"


def _concerns(given: Sequence[object], keys: Sequence[object]) -> bool:
    """Whether one sequence of keys begins with the other."""
    return bool(keys) and all(str(one) == str(other) for one, other in zip(given, keys, strict=False))
