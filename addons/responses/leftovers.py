"""What still speaks of tools after the policy took some of them out (docs/contract.md#tools).

The walk decides each place by itself. Here stands what follows from several: a choice that demands a tool where none
is left, and one that names a group of tools which is gone with its last tool.
"""

from collections.abc import Iterable, Iterator, Mapping

from addons.bodies.conversation import member
from addons.bodies.json_values import list_of
from addons.bodies.notes import Notes
from addons.bodies.verdict import ABSENT, Absent, Change, Json, Thinned


def choose_among_what_is_left(body: Mapping[str, Json], members: dict[str, Json | Absent], notes: Notes) -> None:
    """Changes ``tool_choice`` in ``members`` where tools were taken out; each change is noted."""
    if members.keys().isdisjoint(("tools", "tool_choice", "input")) or body.get("tool_choice") is None:
        return
    left = {**body, **members}
    tools = list(_tools(left))
    gone = set(_named(_tools(body))) - set(_named(tools))
    choice = _without(left["tool_choice"], gone)
    if not tools and (choice == "required" or isinstance(choice, dict)) and any(_tools(body)):
        choice = ABSENT
    if choice is ABSENT and tools and _is_list_of_allowed(body["tool_choice"]):
        choice = "none"  # absent would let the model call tools that the caller did not list
    if choice is not left["tool_choice"]:
        members["tool_choice"] = choice
        reason = "the tools it names were taken out"
        notes.change(Change("tool_choice", "stripped" if choice is ABSENT else "forced", _rule(notes), reason))


def _tools(body: Mapping[str, Json | Absent]) -> Iterator[Json]:
    """Every tool the model is offered, by ``tools`` or by an item."""
    yield from list_of(body.get("tools"))
    for item in list_of(body.get("input")):
        if isinstance(item, dict) and item.get("type") in ("additional_tools", "tool_search_output"):
            yield from list_of(item.get("tools"))


def _named(tools: Iterable[Json]) -> Iterator[str]:
    """The names of tools, and of groups of tools, at any depth."""
    for tool in tools:
        yield str(member(tool, "name"))
        yield from _named(list_of(member(tool, "tools")))


def _without(choice: Json, gone: set[str]) -> Json | Absent:
    """The choice without the groups that are gone; the same object where it names none of them."""
    if not _is_list_of_allowed(choice):
        return ABSENT if _names(choice, gone) else choice
    named = list_of(choice.get("tools"))
    places = named.kept if isinstance(named, Thinned) else range(len(named))
    kept = Thinned((place, tool) for place, tool in zip(places, named, strict=True) if not _names(tool, gone))
    if len(kept) == len(named):
        return choice
    return {**choice, "tools": kept} if kept else ABSENT


def _names(tool: Json, groups: set[str]) -> bool:
    return isinstance(tool, dict) and tool.get("type") == "namespace" and str(tool.get("name")) in groups


def _is_list_of_allowed(choice: Json) -> bool:
    return isinstance(choice, dict) and choice.get("type") == "allowed_tools"


def _rule(notes: Notes) -> str:
    """Why the tools were taken out."""
    reasons = (change for change in notes.changes if change.path.startswith(("tools", "input", "tool_choice")))
    return next((change.rule for change in reasons if change.action == "stripped"), "UNKNOWN")
