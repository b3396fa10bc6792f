"""A conversation's items in the order in which a person reads them: what is new, and of what came before a summary."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from addons.bodies.conversation import member
from addons.bodies.verdict import Json

SHOWN_WHOLE: Final = 8
"""Items up to which a conversation is not split."""

_MADE_BY_CALLERS: Final = frozenset(("user", "system", "developer"))


class Turns(NamedTuple):
    """``new``: what the app sent for the first time; ``earlier``: what it sent again. A short one is all new."""

    new: list[Json]
    earlier: list[Json]


def turns(items: Sequence[Json]) -> Turns:
    """An app sends its whole history with every call; new is what comes behind the last item that a model made."""
    paired = list(_paired(items))
    if len(paired) <= SHOWN_WHOLE:
        return Turns(paired, [])
    made = max((place for place, item in enumerate(paired) if _is_made_by_model(item)), default=-1)
    begin = min(made + 1, len(paired) - 1)
    if _is_output(paired[begin]):  # what a tool answered stands with its call
        begin = max(0, begin - 1)
    return Turns(paired[begin:], paired[:begin])


def last_said(items: Sequence[Json]) -> str:
    """The text of the last message by a user; empty where there is none."""
    for item in reversed(items):
        if member(item, "role") == "user":
            content = member(item, "content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = (member(part, "text") for part in reversed(parts))
            if text := next((text for text in texts if isinstance(text, str)), ""):
                return text
    return ""


def _paired(items: Sequence[Json]) -> Iterator[Json]:
    """Each output right behind the call that it answers."""
    outputs: dict[str | None, list[Json]] = {}
    called = {_call(item) for item in items if not _is_output(item)} - {None}
    for item in items:
        if _is_output(item) and (call_id := _call(item)) in called:
            outputs.setdefault(call_id, []).append(item)
    for item in items:
        call_id = _call(item)
        if not _is_output(item) or call_id not in called:
            yield item
            yield from outputs.pop(call_id, ())


def _call(item: Json) -> str | None:
    """Which call it is, or answers."""
    call_id = member(item, "call_id")
    return call_id if isinstance(call_id, str) else None


def _is_output(item: Json) -> bool:
    kind = member(item, "type")
    return isinstance(kind, str) and kind.endswith("_output")


def _is_made_by_model(item: Json) -> bool:
    if _is_output(item):
        return False
    role = member(item, "role")
    return isinstance(item, dict) and not (isinstance(role, str) and role in _MADE_BY_CALLERS)
