"""The policy's tables, compiled once a policy into a fast check: does this value pass unchanged?

Nearly all of a body is clean: it leaves as it came, without a refusal, a warning or a change. The policy asks here
first, and sends into the walk (``walk.py``) only what is not, so that an agent's history of a thousand items costs a
few type checks each. What is not understood here is not clean: then the walk decides, as it would for everything.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Final

from addons.bodies.choices import Choices
from addons.bodies.json_values import says_something, telling
from addons.bodies.rows import (
    BOOLEAN,
    STRING,
    Either,
    Later,
    Leaf,
    Many,
    Members,
    Row,
    Shape,
    Typed,
    Values,
)
from addons.bodies.verdict import Json

type Clean = Callable[[Json], bool]
"""True: the walk would find nothing in this value and change nothing. False: it may."""

_EXACT: Final[Mapping[Leaf, type]] = {STRING: str, BOOLEAN: bool}
"""Leaves that ask for nothing but a type, as the parser makes it."""

_COLUMNS: Final[Mapping[type, frozenset[str]]] = {
    Leaf: frozenset(("noun", "fits")),
    Values: frozenset(("name", "noun", "rows", "key", "written")),
    Members: frozenset(("rows",)),
    Typed: frozenset(("name", "noun", "rows", "untyped", "reference", "by")),
    Many: frozenset(("of",)),
    Either: frozenset(("options",)),
    Later: frozenset(("of",)),
    Row: frozenset((
        "reason", "decision", "setting", "rule", "remedy", "shape", "harmless", "needs", "assumed", "forced", "holds",
        "source",
    )),
}  # fmt: skip
"""The columns of the tables that are understood here: ``holds`` matters only where something was taken out, and
``source`` to readers."""


class CompiledTables:
    """The tables under one policy. A shape is compiled when it is first asked for, and once."""

    def __init__(self, settings: Choices) -> None:
        self._settings = settings
        self._compiled: dict[tuple[int, str], Clean] = {}
        self._held: list[Row | Shape] = []  # whose ids are keys above

    def clean(self, shape: Row | Shape, key: str = "") -> Clean:
        """The check for values of one shape; ``key`` is the name of a row in its table."""
        place = id(shape), key
        if place not in self._compiled:
            self._held.append(shape)
            self._compiled[place] = self._compile(shape, key)
        return self._compiled[place]

    def _compile(self, shape: Row | Shape, key: str) -> Clean:
        if not _understood(shape):
            return _never
        match shape:
            case Leaf():
                exact = _EXACT.get(shape)
                return shape.fits if exact is None else lambda value: type(value) is exact
            case Row():
                return self._row(shape, key)
            case Members():
                members = self._members(shape)
                return lambda value: type(value) is dict and members(value)
            case Many():
                return self._many(shape)
            case Values():
                return self._values(shape)
            case Typed():
                return self._typed(shape)
            case Either():
                return self._either(shape)
            case Later():
                return lambda value: self.clean(shape.of())(value)  # noqa: PLW0108 - asked for later, or it never ends

    def _row(self, row: Row, key: str) -> Clean:
        inside = self._inside(row, key, reference=False)
        if isinstance(row.shape, Members):
            return lambda value: type(value) is dict and inside(value)
        return inside

    def _inside(self, row: Row, key: str, *, reference: bool) -> Clean:
        """A row's question; if its shape is ``Members`` it may be asked of objects alone.

        ``harmless`` values are left to the walk, as is every decision but to allow.
        """
        if not _understood(row) or self._settings.decision(row, key) != "allow":
            return _never
        if isinstance(row.shape, Members) and not reference:
            return self._members(row.shape, row.needs, row.assumed)
        if not reference and (row.needs or row.assumed):
            return _never
        if isinstance(row.shape, Members):
            return self._members(row.shape)
        return _always if row.shape is None else self.clean(row.shape)

    def _members(  # noqa: C901 - it holds the question below, which is written out in one
        self, shape: Members, needs: tuple[str, ...] = (), assumed: Mapping[str, Json] | None = None
    ) -> Clean:
        if not _understood(shape):
            return _never
        exact = {key: kind for key, row in shape.rows.items() if (kind := _exact(row)) is not None}
        others = {key: self.clean(row, key) for key, row in shape.rows.items()}
        stripped = {key for key, row in shape.rows.items() if isinstance(row, Row) and row.decision == "strip"}
        nullable = shape.rows.keys() - stripped
        required = tuple(
            member for member, value in (assumed or {}).items() if not self.clean(shape.rows[member], member)(value)
        )
        told_by = telling(needs)
        exactly, other = exact.get, others.get

        def clean(value: dict[str, Json]) -> bool:  # noqa: C901 - in one: each call would be made for every object
            for key, inner in value.items():
                if exactly(key) is type(inner):
                    continue
                if inner is None:
                    if key not in nullable:
                        return False
                elif not other(key, _never)(inner):
                    return False
            for member in required:
                if value.get(member) is None:
                    return False
            for member in told_by:
                given = value.get(member)
                if type(given) is str:
                    if given and not given.isspace():
                        return True
                elif says_something(given):
                    return True
            return not told_by

        return clean

    def _many(self, shape: Many) -> Clean:
        of = self.clean(shape.of)

        def clean(value: Json) -> bool:
            if type(value) is not list:
                return False
            for inner in value:  # noqa: SIM110 - all(…) takes longer, on a short list twice as long
                if not of(inner):
                    return False
            return True

        return clean

    def _values(self, shape: Values) -> Clean:
        rows, key_of = {key: self.clean(row, key) for key, row in shape.rows.items()}, shape.key
        return lambda value: type(value) is str and rows.get(key_of(value), _never)(value)

    def _typed(self, shape: Typed) -> Clean:
        rows = {key: self._inside(row, key, reference=shape.reference) for key, row in shape.rows.items()}
        row_of, untyped, by = rows.get, shape.untyped, shape.by

        def clean(value: Json) -> bool:
            if type(value) is not dict:
                return False
            key = value.get(by)
            if key is None and untyped is not None:
                key = untyped(value)
            return type(key) is str and row_of(key, _never)(value)

        return clean

    def _either(self, shape: Either) -> Clean:
        """The first option that takes this type of value decides, as in the walk."""
        options: dict[type, Clean] = {}
        for option in shape.options:
            kind = _type_of(option)
            if kind is None:
                return _never
            options.setdefault(kind, self.clean(option))
        return lambda value: options.get(type(value), _never)(value)


def _never(_value: Json) -> bool:
    return False


def _always(_value: Json) -> bool:
    return True


def _understood(shape: Row | Shape) -> bool:
    """Whether every column of it is one that is compiled here; a new column of the tables is not, until it is."""
    return {column.name for column in fields(shape)} <= _COLUMNS.get(type(shape), frozenset())


def _exact(shape: Row | Shape) -> type | None:
    """The type of which every value is clean, if there is one. Others may be clean too."""
    if isinstance(shape, Either) and _understood(shape):  # text, or a list of parts
        return _exact(shape.options[0])
    return _EXACT.get(shape) if isinstance(shape, Leaf) else None


def _type_of(shape: Shape) -> type | None:
    match shape:
        case Leaf():
            return _EXACT.get(shape)
        case Values():
            return str
        case Many():
            return list
        case Members() | Typed():
            return dict
        case _:
            return None
