"""The vocabulary the policy's tables are written in: shapes of JSON values, and rows that decide.

A table says what may stand in a body. Whatever no table names is refused, so a table is read as the whole of
what can leave. ``walk.py`` holds a body to the tables; nothing here decides anything by itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

from addons.bodies.sources import Source
from addons.bodies.verdict import Json

type Rule = Literal[
    "ZERO_DATA_RETENTION", "GEORESTRICTION", "FEATURE_DISABLED", "COST", "PRIVACY", "UNKNOWN", "INVALID"
]
"""Why something is refused or changed. INVALID is not policy: the value can't be what the field is for."""

WARNABLE: Final = frozenset(get_args(Rule.__value__)) - {"INVALID", "PRIVACY"}
"""The rules that can run as warnings: INVALID is always refused, and PRIVACY only ever strips."""

type Decision = Literal["allow", "refuse", "strip", "cache_only", "coerce"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value without anything to look into; ``noun`` finishes the sentence "must be …"."""

    noun: str
    fits: Callable[[Json], bool]


@dataclass(frozen=True, slots=True)
class Values:
    """A string of which the table names every value.

    ``key`` finds the row's name for a value, ``written`` what a message calls the value where that is not the row's
    name; it never gives back what may be prompt text.
    """

    name: str
    noun: str
    rows: Mapping[str, "Row"]
    key: Callable[[str], str] = str
    written: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Members:
    """An object of which the table names every member; a bare shape is a member without any risk of its own."""

    rows: Mapping[str, "Row | Shape"]


@dataclass(frozen=True, slots=True)
class Typed:
    """An object told apart by its ``type``, or by the member ``by``; ``untyped`` says what one without is taken for.

    With ``reference`` the object only names what is defined elsewhere, as in ``tool_choice``, so
    nothing has to be given in full.
    """

    name: str
    noun: str
    rows: Mapping[str, "Row"]
    untyped: Callable[[Mapping[str, Json]], str | None] | None = None
    reference: bool = False
    by: str = "type"


@dataclass(frozen=True, slots=True)
class Many:
    """A list of one shape."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Either:
    """The first of several shapes that takes this kind of JSON value."""

    options: tuple["Shape", ...]


@dataclass(frozen=True, slots=True)
class Later:
    """A shape that is not written yet, for tables that hold themselves."""

    of: Callable[[], "Shape"]


type Shape = Leaf | Values | Members | Typed | Many | Either | Later


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table: what is decided, why, and what a person can do about it.

    Mostly written by the four functions below. ``setting`` names the key of ``PolicySettings`` that decides.
    ``harmless`` are values that ask for nothing. Of ``needs`` at least one member must be given, or the provider
    would look the object up by its id. ``assumed`` members are judged as if written when they are absent.
    ``forced`` members are set under ``cache_only``. ``holds`` names the list that the object is there for (``""``: the
    value is that list): where stripping has emptied it, the object goes too. ``source`` says where the rule is from.
    """

    reason: str
    decision: Decision = "allow"
    setting: str | None = None
    rule: Rule | None = None
    remedy: str = ""
    shape: Shape | None = None
    harmless: tuple[Json, ...] = ()
    needs: tuple[str, ...] = ()
    assumed: Mapping[str, Json] = field(default_factory=dict)
    forced: Mapping[str, Json] = field(default_factory=dict)
    holds: str | None = None
    source: Source | None = None


def sourced(source: Source, rows: Mapping[str, Row]) -> dict[str, Row]:
    """The rows of a table, each with this source unless it names its own."""
    return {name: row if row.source else replace(row, source=source) for name, row in rows.items()}


def allowed(  # noqa: PLR0913 - the columns of a row
    reason: str,
    shape: Shape | None = None,
    *,
    needs: tuple[str, ...] = (),
    assumed: Mapping[str, Json] | None = None,
    holds: str | None = None,
    source: Source | None = None,
) -> Row:
    """A row whose value is sent unchanged."""
    return Row(reason=reason, shape=shape, needs=needs, assumed=assumed or {}, holds=holds, source=source)


def refused(  # noqa: PLR0913 - the columns of a row
    rule: Rule,
    reason: str,
    remedy: str,
    shape: Shape | None = None,
    *,
    harmless: tuple[Json, ...] = (),
    source: Source | None = None,
) -> Row:
    """A row whose value is always refused."""
    return Row(
        decision="refuse", rule=rule, reason=reason, remedy=remedy, shape=shape, harmless=harmless, source=source
    )


def stripped(rule: Rule, reason: str, *, source: Source | None = None) -> Row:
    """A row whose value is taken out; the call goes on."""
    return Row(decision="strip", rule=rule, reason=reason, source=source)


def configurable(  # noqa: PLR0913 - the columns of a row
    setting: str,
    rule: Rule,
    reason: str,
    shape: Shape | None = None,
    *,
    remedy: str = "",
    harmless: tuple[Json, ...] = (),
    needs: tuple[str, ...] = (),
    forced: Mapping[str, Json] | None = None,
    source: Source | None = None,
) -> Row:
    """A row that is refused, unless the operator decides otherwise under ``policy.<setting>``."""
    return Row(
        decision="refuse", setting=setting, rule=rule, reason=reason, shape=shape,
        remedy=remedy or f"The operator may set policy.{setting}: allow",
        harmless=harmless, needs=needs, forced=forced or {}, source=source,
    )  # fmt: skip


def typed(**members: "Row | Shape") -> Members:
    """The members of one row of a ``Typed`` table. ``type`` goes without saying; ``async_`` stands for ``async``."""
    return Members({"type": STRING, **{key.rstrip("_"): member for key, member in members.items()}})


def deciding(rule: str, row: str = "", setting: str = "") -> str | None:
    """The configuration key that decides what becomes of a finding; None where nothing does."""
    if setting:
        return f"policy.{setting}"
    return f"policy.rules.{row or rule}" if rule in WARNABLE else None


LARGEST: Final = 2**53 - 1
"""The largest whole number that every reader of JSON keeps as it was written (RFC 7493 §2.2)."""


def whole(least: int, most: int = LARGEST) -> Leaf:
    """A whole number in a range, both ends included."""
    return Leaf(
        f"a whole number from {least} to {most}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most,
    )


def number(least: float, most: float) -> Leaf:
    """A number in a range, both ends included; infinity is in none."""
    return Leaf(
        f"a number from {least:g} to {most:g}",
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most,
    )


STRING: Final = Leaf("a string", lambda value: isinstance(value, str))
SEAL: Final = Leaf("a string", lambda value: isinstance(value, str))
"""The model's own state, encrypted; a blank one is none."""
BOOLEAN: Final = Leaf("true or false", lambda value: isinstance(value, bool))
COUNT: Final = whole(0)
POSITIVE: Final = whole(1)
SIGNED: Final = whole(-LARGEST)
STRINGS: Final = Leaf(
    "a list of strings", lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value)
)
STRING_MAP: Final = Leaf(
    "an object of strings",
    lambda value: isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
)
OPAQUE: Final = Leaf("any JSON value", lambda _: True)
"""Not looked into: data the provider only shows to the model, such as a JSON Schema."""
