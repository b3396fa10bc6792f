"""The interpreter of the policy's tables: one walk over a body (docs/contract.md#fields).

What the walk hands back is the same object wherever nothing changed, so that only changed top-level members are
written anew and everything else reaches the provider byte for byte.
"""

from typing import Final

from addons.bodies.choices import Choices
from addons.bodies.compiled_tables import CompiledTables
from addons.bodies.json_values import is_missing, noun_of, says_something, takes, telling
from addons.bodies.notes import Notes, Trail, path, shown
from addons.bodies.rows import (
    Either,
    Later,
    Leaf,
    Many,
    Members,
    Row,
    Rule,
    Shape,
    Typed,
    Values,
    refused,
)
from addons.bodies.verdict import ABSENT, Absent, Change, Finding, Json, Thinned

type Name = tuple[str, ...]

_BY_ID_ALONE: Final = refused(
    "ZERO_DATA_RETENTION",
    "the provider would look it up by its id among what it stored",
    "Send it back in full, as clients do that are told store: false;"
    ' reasoning comes in full with include: ["reasoning.encrypted_content"]',
)
_BLANK_WITH_ID: Final = "the item holds nothing, so that its id might be looked up"


class Walk:
    """One walk. Each method takes a value, what it is held to, where it stands, and the name of its row.

    Elements of the body's own lists that are clean by ``tables`` are not walked into.
    """

    def __init__(self, notes: Notes, settings: Choices, tables: CompiledTables) -> None:
        self._notes = notes
        self._settings = settings
        self._tables = tables
        self._stripped: Rule = "UNKNOWN"  # why the last thing was stripped

    def value(self, value: Json, shape: Row | Shape, at: Trail, name: Name) -> Json | Absent:
        """The value as it may leave: the same object, a changed copy, or ``ABSENT``."""
        match shape:
            case Leaf():
                return value if shape.fits(value) else self._mismatch(value, shape.noun, at)
            case Row():
                return self._row(value, shape, at, name)
            case Members():
                return self._members(value, shape, at, name)
            case Many():
                return self._many(value, shape, at, name)
            case Values():
                return self._values(value, shape, at)
            case Typed():
                return self._typed(value, shape, at)
            case Either():
                return self._either(value, shape, at, name)
            case Later():
                return self.value(value, shape.of(), at, name)

    def _row(  # noqa: PLR0913 - what every method here takes, and two of its own
        self, value: Json, row: Row, at: Trail, name: Name, noun: str = "", *, reference: bool = False
    ) -> Json | Absent:
        if isinstance(row.shape, Leaf) and not row.shape.fits(value):
            return self._mismatch(value, row.shape.noun, at)
        if any(value is harmless for harmless in row.harmless):
            return value
        decision = self._settings.decision(row, name[-1])
        if decision == "strip":
            return self._strip(row.rule or "UNKNOWN", row.reason, at)
        if decision == "refuse" and self._refuse(row, at, name, noun):
            return value
        given = value
        if not reference:
            value = self._require(value, row, at, name)
        if row.shape is not None:
            value = self.value(value, row.shape, at, name)
        if decision == "cache_only":
            value = self._force(value, row, at, reference=reference)
        if row.holds is not None and value is not given and (value.get(row.holds) if row.holds else value) == []:
            return self._strip(self._stripped, "nothing is left in it", at)
        return value

    def _strip(self, rule: Rule, reason: str, at: Trail) -> Absent:
        self._stripped = rule
        self._notes.change(Change(path(at), "stripped", rule, reason))
        return ABSENT

    def _require(self, value: Json, row: Row, at: Trail, name: Name) -> Json:
        if not isinstance(value, dict) or not isinstance(row.shape, Members):
            return value
        for member, assumed in row.assumed.items():
            if value.get(member) is None:
                self.value(assumed, row.shape.rows[member], (at, member), (*name, member))
        if not row.needs:
            return value
        needs = " or ".join(row.needs)
        if all(is_missing(value.get(member), row.shape.rows[member]) for member in row.needs):
            if value.get("id") is None:
                self._notes.find(Finding(path(at), "INVALID", f"{path(at)} must have {needs}.", "invalid_json"))
            else:
                self._refuse(_BY_ID_ALONE, at, name, f"an item without {needs}")
        elif value.get("id") is not None and not any(
            says_something(value.get(member)) for member in telling(row.needs)
        ):
            self._notes.change(Change(path((at, "id")), "stripped", "ZERO_DATA_RETENTION", _BLANK_WITH_ID))
            return {key: inner for key, inner in value.items() if key != "id"}
        return value

    def _force(self, value: Json, row: Row, at: Trail, *, reference: bool) -> Json:
        """Sets the members; in what only names the tool, those that are there."""
        forced = {
            key: new
            for key, new in row.forced.items()
            if isinstance(value, dict) and value.get(key) is not new and (not reference or key in value)
        }
        for key in forced:
            self._notes.change(Change(path((at, key)), "forced", row.rule or "UNKNOWN", row.reason))
        return {**value, **forced} if forced else value

    def changed_members(
        self, value: dict[str, Json], shape: Members, at: Trail, name: Name
    ) -> dict[str, Json | Absent]:
        """The members of an object that change, with their new values."""
        changed: dict[str, Json | Absent] = {}
        for key, inner in value.items():
            row = shape.rows.get(key)
            if row is None:
                self._unknown_member(key, shape, at)
            elif inner is not None or (isinstance(row, Row) and row.decision == "strip"):
                new = self.value(inner, row, (at, key), (*name, key))
                if new is not inner:
                    changed[key] = new
        return changed

    def _members(self, value: Json, shape: Members, at: Trail, name: Name) -> Json | Absent:
        if not isinstance(value, dict):
            return self._mismatch(value, "an object", at)
        changed = self.changed_members(value, shape, at, name)
        if not changed:
            return value
        return {key: new for key, inner in value.items() if (new := changed.get(key, inner)) is not ABSENT}

    def _many(self, value: Json, shape: Many, at: Trail, name: Name) -> Json | Absent:
        if not isinstance(value, list):
            return self._mismatch(value, "a list", at)
        if at is not None and at[0] is None:
            clean = self._tables.clean(shape.of)
            walked = [
                inner if clean(inner) else self.value(inner, shape.of, (at, index), name)
                for index, inner in enumerate(value)
            ]
        else:  # asked anew at each level, the question would cost more than it saves
            walked = [self.value(inner, shape.of, (at, index), name) for index, inner in enumerate(value)]
        if all(new is old for new, old in zip(walked, value, strict=True)):
            return value
        return Thinned((index, new) for index, new in enumerate(walked) if not isinstance(new, Absent))

    def _values(self, value: Json, shape: Values, at: Trail) -> Json | Absent:
        if not isinstance(value, str):
            return self._mismatch(value, "a string", at)
        key = shape.key(value)
        row = shape.rows.get(key)
        if row is not None:
            noun = shape.written(value) if shape.written else f'{shape.noun} "{key}"'
            return self._row(value, row, at, (shape.name, key), noun)
        known = ", ".join(key for key, row in shape.rows.items() if row.decision == "allow")
        return self._unknown(value, at, f"this {shape.noun} is not in the policy's tables. Always allowed: {known}.")

    def _typed(self, value: Json, shape: Typed, at: Trail) -> Json | Absent:
        if not isinstance(value, dict):
            return self._mismatch(value, "an object", at)
        key = value.get(shape.by)
        if key is None and shape.untyped:
            key = shape.untyped(value)
        if not isinstance(key, str):
            return self._mismatch(value, "a string", (at, shape.by))
        row = shape.rows.get(key)
        if row is not None:
            return self._row(value, row, at, (shape.name, key), f'{shape.noun} "{key}"', reference=shape.reference)
        return self._unknown(value, at, f'{shape.noun} "{shown(key)}" is not in the policy\'s tables.')

    def _either(self, value: Json, shape: Either, at: Trail, name: Name) -> Json | Absent:
        for option in shape.options:
            if takes(option, value):
                return self.value(value, option, at, name)
        return self._mismatch(value, " or ".join(noun_of(option) for option in shape.options), at)

    def _refuse(self, row: Row, at: Trail, name: Name, noun: str) -> bool:
        rule, named = row.rule or "UNKNOWN", ".".join(name)
        if self._notes.enough_warnings(rule, named):
            return False
        where = path(at)
        subject = f"{where}: {noun}" if noun else where
        message = f"{subject} is refused ({rule}): {row.reason}. {row.remedy}."
        return self._notes.find(Finding(where, rule, message, row=named, setting=row.setting or ""))

    def _unknown_member(self, key: str, shape: Members, at: Trail) -> None:
        if key.casefold() not in shape.rows and self._notes.enough_warnings("UNKNOWN"):
            return
        where = path((at, key))
        known = key.casefold()  # the API's names are all in lower case
        if known in shape.rows:
            message = f'{where} differs from "{known}" only in case; write "{known}".'
            self._notes.find(Finding(where, "INVALID", message, "invalid_json"))
        else:
            message = f"Request contained an unrecognized field: {where}. Take it out, or check its spelling."
            self._notes.find(Finding(where, "UNKNOWN", message, "unknown_field"))

    def _unknown(self, value: Json, at: Trail, message: str) -> Json:
        self._notes.find(Finding(path(at), "UNKNOWN", f"{path(at)}: {message}"))
        return value

    def _mismatch(self, value: Json, noun: str, at: Trail) -> Json:
        self._notes.find(Finding(path(at), "INVALID", f"{path(at)} must be {noun}.", "invalid_json"))
        return value
