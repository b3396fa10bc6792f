"""A conversation's items in the order in which a person reads them: what is new, and of what came before a summary."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from addons.bodies.verdict import Json

SHOWN_WHOLE: Final = 8
"""Items up to which a conversation is not split."""

_MADE_BY_CALLERS: Final = frozenset(("user", "system", "developer"))


class Turns(NamedTuple):
    """``new``: what the app sent for the first time; ``earlier``: what it sent again. A short one is all new."""

    new: list[Json]
    earlier: list[Json]


def turns(items: list[Json]) -> Turns:
    """An app sends its whole history with every call; new is what comes behind the last item that a model made."""
    paired = list(_paired(items))
    if len(paired) <= SHOWN_WHOLE:
        return Turns(paired, [])
    made = max((place for place, item in enumerate(paired) if _is_made_by_model(item)), default=-1)
    begin = min(made + 1, len(paired) - 1)
    if _is_output(paired[begin]):  # what a tool answered stands with its call
        begin -= 1
    return Turns(paired[begin:], paired[:begin])


def last_said(document: Json) -> str:
    """The text of the last message by a user in a parsed request; empty where there is none."""
    given = member(document, "input")
    if isinstance(given, str):
        return given
    for item in reversed(given if isinstance(given, list) else []):
        if member(item, "role") == "user":
            content = member(item, "content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = (member(part, "text") for part in reversed(parts))
            if text := next((text for text in texts if isinstance(text, str)), ""):
                return text
    return ""


def member(value: Json, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _paired(items: list[Json]) -> Iterator[Json]:
    """Each output right behind the call that it answers."""
    outputs: dict[str, list[Json]] = {}
    called = {member(item, "call_id") for item in items if not _is_output(item)} - {None}
    for item in items:
        if _is_output(item) and (call_id := member(item, "call_id")) in called:
            outputs.setdefault(call_id, []).append(item)
    for item in items:
        call_id = member(item, "call_id")
        if not _is_output(item) or call_id not in called:
            yield item
            if isinstance(call_id, str):
                yield from outputs.pop(call_id, ())


def _is_output(item: Json) -> bool:
    kind = member(item, "type")
    call_id = member(item, "call_id")
    return isinstance(kind, str) and kind.endswith("_output") and isinstance(call_id, str)


def _is_made_by_model(item: Json) -> bool:
    if _is_output(item):
        return False
    role = member(item, "role")
    return isinstance(item, dict) and not (isinstance(role, str) and role in _MADE_BY_CALLERS)
