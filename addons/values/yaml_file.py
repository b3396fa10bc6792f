"""Reads the operator's YAML files. Errors name the line."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from addons.values.small_file import FileError, read_text

_QUOTED: Final = re.compile(r"""(?s)('(?:.|\\.|<[a-z ]+>)')|['"].*['"]""")
"""What ruamel and Python quote of a document: its punctuation as group 1, or a value."""


def read_yaml(path: Path) -> Any:
    """The document as mappings and lists that know their lines. No YAML tag creates an object or runs code.

    Raises:
        FileError: the file can't be read, or is not YAML. The message quotes no value, which may be a secret.
    """
    text = read_text(path)
    try:
        return YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise FileError(f"{path}:{line}: not YAML: {_without_values(str(error.problem))}") from None
    except YAMLError as error:
        raise FileError(f"{path}: not YAML: {_without_values(str(error))}") from None
    except Exception as error:  # noqa: BLE001 - ruamel lets others through, for the 30th of February or 1,000 brackets
        raise FileError(f"{path}: not YAML that can be read: {_without_values(str(error))}") from None


def _without_values(problem: str) -> str:
    """The message of a YAML reader as it may be shown: a value may be a secret, the name of a duplicate key is none."""
    if problem.startswith("found duplicate key"):
        return problem.partition(" with value ")[0]
    return _QUOTED.sub(lambda found: found[1] or "…", problem)


def line_of(document: Any, keys: Sequence[object]) -> int:
    """The line, counted from 1, of the deepest of ``keys`` that the document holds and that has a line."""
    line = 1
    for key in keys:
        in_map = isinstance(document, CommentedMap) and key in document
        in_list = isinstance(document, CommentedSeq) and isinstance(key, int) and key < len(document)
        if not (in_map or in_list):
            break
        places = document.lc.data or {}
        if key in places:  # keys that come by a merge (<<) have no line
            line = places[key][0] + 1
        document = document[key]
    return line
