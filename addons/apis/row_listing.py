"""The tables as a list to be read and signed: what is decided of every row under given settings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from addons.apis.policy_settings import PolicySettings
from addons.apis.table import APIS
from addons.bodies.api import Api
from addons.bodies.row_names import named_rows
from addons.bodies.rows import WARNABLE, Either, Later, Leaf, Many, Members, Row, Shape, deciding
from addons.bodies.sources import Source

_KINDS: Final = ("tool", "item", "message", "part")
STRICTNESS: Final = ("allow", "warn", "cache_only", "coerce", "strip", "refuse")
_SHIPPED: Final = PolicySettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One row. ``decision`` is one of allow, warn, cache_only, coerce, strip, refuse, and ``shipped`` the same under
    the shipped defaults. ``setting`` is the key that decides, ``members`` what an object of this row may hold.
    """

    kind: str
    name: str
    decision: str
    shipped: str
    reason: str
    source: Source
    rule: str = ""
    remedy: str = ""
    setting: str = ""
    members: tuple[str, ...] = ()
    api: str = ""

    @property
    def is_looser(self) -> bool:
        """Whether more may leave than under the shipped defaults."""
        return STRICTNESS.index(self.decision) < STRICTNESS.index(self.shipped)


def listed(settings: PolicySettings, apis: Sequence[Api] = APIS) -> Iterator[Listed]:
    """Every row of each API's tables once, in their order; one that is decided otherwise as a choice comes twice."""
    for api in apis:
        seen: dict[str, list[Row]] = {}
        for name, row in named_rows(api.request):
            before = seen.setdefault(name, [])
            if any(_is_alike(row, other) for other in before):
                continue
            yield _listed(api, name, row, settings, "" if not before else " (named by tool_choice)")
            before.append(row)


def _is_alike(row: Row, other: Row) -> bool:
    return (row.decision, row.setting, row.reason) == (other.decision, other.setting, other.reason)


def _listed(api: Api, name: str, row: Row, settings: PolicySettings, where: str) -> Listed:
    assert row.source
    return Listed(
        api=api.name,
        kind=_kind(api, name),
        name=name + where,
        decision=_decision(name, row, settings),
        shipped=_decision(name, row, _SHIPPED),
        reason=f"{row.reason}; {row.shape.noun}" if isinstance(row.shape, Leaf) else row.reason,
        source=row.source,
        rule=row.rule or "",
        remedy=row.remedy,
        setting=(deciding(row.rule or "", name, row.setting or "") or "") if row.decision != "strip" else "",
        members=tuple(_members(row.shape)),
    )


def _kind(api: Api, name: str) -> str:
    first, _, rest = name.partition(".")
    if name in api.request.rows:
        return "field"
    return first if first == "include" or (first in _KINDS and "." not in rest) else "value"


def _decision(name: str, row: Row, settings: PolicySettings) -> str:
    decision = settings.decision(row, name.rpartition(".")[2])
    warns = row.rule in WARNABLE and settings.mode_of(row.rule or "", name) == "warn"
    return "warn" if decision == "refuse" and warns else decision


def _members(shape: Shape | Row | None) -> Iterator[str]:
    """The names of members that an object of this shape may have."""
    match shape:
        case Row():
            yield from _members(shape.shape)
        case Members():
            yield from shape.rows
        case Many():
            yield from _members(shape.of)
        case Later():
            yield from _members(shape.of())
        case Either():
            for option in shape.options:
                yield from _members(option)
