"""Puts a mutant into the functions that are there, so that nothing is imported and no test collected again."""

import ast
import gc
import inspect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

from tests.mutation.mutants import Mutant


class Place(NamedTuple):
    """Where some code stands: its file, what it is called, its first line."""

    file: str
    name: str
    line: int


class Change(NamedTuple):
    """``codes`` maps what functions run to what they are to run; ``inner`` are the innermost of those that change."""

    codes: Mapping[CodeType, CodeType]
    inner: frozenset[Place]


def place(code: CodeType) -> Place:
    return Place(code.co_filename, code.co_qualname, code.co_firstlineno)


def change(path: Path, mutant: Mutant) -> Change | None:
    """What a mutant changes. None: what the import runs, or what functions take from around them; import it anew."""
    before, after = (
        compile(tree, str(path), "exec", dont_inherit=True) for tree in (ast.parse(path.read_text()), mutant.made())
    )
    there, new = dict(_numbered(before)), dict(_numbered(after))
    if there.keys() != new.keys():  # then numbers tell nothing
        return None
    codes = {code: new[at] for at, code in there.items() if new[at] != code}
    inner = {code for code in codes if not any(each in codes for each in _parts(code))}
    if inner - set(_called(before)) or any(code.co_freevars != other.co_freevars for code, other in codes.items()):
        return None
    return Change(codes, frozenset(map(place, inner)))


def functions() -> Mapping[CodeType, Sequence[FunctionType]]:
    """All functions there are, by what they run."""
    found: dict[CodeType, list[FunctionType]] = {}
    for each in gc.get_objects():
        if isinstance(each, FunctionType):
            found.setdefault(each.__code__, []).append(each)
    return found


def put(codes: Mapping[CodeType, CodeType], into: Mapping[CodeType, Iterable[FunctionType]]) -> None:
    for code, other in codes.items():
        for function in into.get(code, ()):
            function.__code__ = other


def _numbered(code: CodeType) -> Iterator[tuple[tuple[Place, int], CodeType]]:
    """All code of a module. The number tells apart what has one name in one line, such as two lambdas."""
    seen = Counter[Place]()
    for each in _all(code):
        yield (place(each), seen[place(each)]), each
        seen[place(each)] += 1


def _called(code: CodeType) -> Iterator[CodeType]:
    """The code that runs when functions are called, and not when their module is imported."""
    for each in _parts(code):
        is_function = each.co_flags & inspect.CO_OPTIMIZED and each.co_name.strip("<>") in {each.co_name, "lambda"}
        yield from _all(each) if is_function else _called(each)


def _all(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in _parts(code):
        yield from _all(each)


def _parts(code: CodeType) -> Iterator[CodeType]:
    return (each for each in code.co_consts if isinstance(each, CodeType))
