"""Reads the operator's YAML files. Errors name the line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from addons.values.small_file import FileError, read_text


def read_yaml(path: Path) -> Any:
    """The document as mappings and lists that know their lines. No YAML tag creates an object or runs code.

    Raises:
        FileError: the file can't be read, or is not YAML.
    """
    text = read_text(path)
    try:
        return YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = str(error.problem).partition(" with value ")[0]  # of a duplicate key; the value may be a secret
        raise FileError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {problem}") from None
    except YAMLError as error:
        raise FileError(f"{path}: not YAML: {error}") from error
    except Exception as error:  # ruamel lets other errors through, for the 30th of February or a thousand brackets
        raise FileError(f"{path}: not YAML that can be read: {error}") from error


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
