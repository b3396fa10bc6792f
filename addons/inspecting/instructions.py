"""What an app tells the model with every call: it may be pages long, and stands in the way of what was asked."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from addons.bodies.conversation import Conversation, member
from addons.bodies.verdict import Json

BEGINNING: Final = 400
"""Characters of long instructions that stand where they were said; what is not much longer stands there whole."""

_ROLES: Final = frozenset(("system", "developer"))


class Instructions(NamedTuple):
    title: str
    text: str


def shortened(said: Conversation) -> Conversation:
    """The same with the beginning alone of what ``long_instructions`` has in full."""
    return replace(
        said,
        texts={name: _begun(text) if _is_long(text) else text for name, text in said.texts.items()},
        items=[
            {**item, "content": _begun(text)} if isinstance(item, dict) and (text := _text_of(item)) else item
            for item in said.items
        ],
    )


def long_instructions(said: Conversation) -> Iterator[Instructions]:
    for name, text in said.texts.items():
        if isinstance(text, str) and _is_long(text):
            yield Instructions(name, text)
    for item in said.items:
        if text := _text_of(item):
            yield Instructions(str(member(item, "role")), text)


def _text_of(item: Json) -> str:
    """Of an item that holds long instructions and nothing else; of any other nothing."""
    if member(item, "role") not in _ROLES:
        return ""
    content = member(item, "content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [text for part in parts if isinstance(text := member(part, "text"), str)]
    text = "\n".join(texts)
    return text if len(texts) == len(parts) and _is_long(text) else ""


def _is_long(text: Json) -> bool:
    return isinstance(text, str) and len(text) > 2 * BEGINNING


def _begun(text: Json) -> Json:
    assert isinstance(text, str)
    return f"{text[:BEGINNING].rstrip()} …\n[{len(text) - BEGINNING:,} more characters, at the end of this page]"
