"""A conversation in text, as a person wants to read it: who said what, with which tools.

Everything is bounded, whatever the body holds: ``TEXT`` characters of one text, ``ITEMS`` of one list, ``PAGE``
characters in all; what is left out is counted. Images and files are named by type and size.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from addons.bodies.answer_facts import Usage
from addons.bodies.conversation import Conversation, member
from addons.bodies.verdict import ABSENT, Json
from addons.inspecting.instructions import long_instructions, shortened
from addons.inspecting.shown_values import LINE, TEXT, clip, file_size, inline, short
from addons.inspecting.turns import turns

ITEMS: Final = 200
PAGE: Final = 200_000

_DEEPEST: Final = 12  # levels of a body at which it is told what was changed; below, the whole is shown
_BRIEF: Final = 100  # characters of an item that is told in a line


def page(lines: Iterable[str]) -> str:
    """The lines as one text, cut at ``PAGE`` characters."""
    taken: list[str] = []
    left = PAGE
    for line in lines:
        if len(line) > left:
            taken += [line[:left], f"[… cut here: a view holds {PAGE:,} characters]"]
            break
        taken.append(line)
        left -= len(line) + 1
    return "\n".join(taken) + "\n"


def request_lines(said: Conversation) -> Iterator[str]:
    """What was asked: what is new in full, and of long instructions the beginning."""
    said = shortened(said)
    yield from _head(said)
    yield from _items(turns(said.items).new)


def repeated_lines(said: Conversation) -> Iterator[str]:
    """What an app sends with every call: a long history, in a line for each item, and long instructions."""
    earlier = turns(said.items).earlier
    if earlier:
        yield f"\n== Before that: {len(earlier):,} items, which the app sent again"
        for item in earlier[-ITEMS:]:
            yield _in_a_line(item)
        if len(earlier) > ITEMS:
            yield f"[… {len(earlier) - ITEMS:,} before these]"
    for title, text in islice(long_instructions(said), ITEMS):
        yield "\n== In full"
        yield from _block(title, text)


def answer_lines(said: Conversation) -> Iterator[str]:
    """What was answered; nothing of it was said before."""
    yield from _head(said)
    yield from _items(said.items)


def _head(said: Conversation) -> Iterator[str]:
    for name, value in said.values.items():
        yield f"{name}: {short(value)}"
    if said.tools:
        yield f"tools: {', '.join(_tools(said.tools))}"
    if said.usage:
        yield f"usage: {_usage(said.usage)}"
    for name, text in said.texts.items():
        yield from _block(name, text)


def _items(given: Sequence[Json]) -> Iterator[str]:
    for item in given[:ITEMS]:
        yield from _item(item)
    if len(given) > ITEMS:
        yield f"\n[… {len(given) - ITEMS:,} more items]"


def _in_a_line(item: Json) -> str:
    said = member(item, "content") or next((item[name] for name in _TELLING if member(item, name)), None)
    parts = said if isinstance(said, list) else [said]
    told = " ".join(_part(part) if isinstance(part, dict) else short(part, _BRIEF) for part in parts[:ITEMS])
    who = short(member(item, "role") or member(item, "type") or "item", _BRIEF)
    name = member(item, "name")
    return f"  {who}{f' {short(name, _BRIEF)}' if name else ''}: {clip(' '.join(told.split()), _BRIEF)}"


def _item(item: Json) -> Iterator[str]:
    if not isinstance(item, dict):
        yield from _block("item", item)
        return
    kind = str(item.get("type") or "message")
    name = f" {short(item['name'])}" if item.get("name") else ""
    if kind == "message":
        yield from _block(f"{item.get('role') or 'message'}{name}", item.get("content"))
    elif kind == "reasoning":
        sealed = item.get("encrypted_content")
        note = f" [encrypted, {len(sealed):,} characters]" if isinstance(sealed, str) else ""
        yield from _block(f"reasoning{note}", item.get("summary") or item.get("content"))
    else:
        mark = f" [{short(item['call_id'])}]" if item.get("call_id") else ""
        told = next((item[member] for member in _TELLING if member in item), None)
        rest = {key: value for key, value in item.items() if key not in _QUIET} if told is None else told
        yield from _block(f"{kind}{name}{mark}", _pretty(rest))


_TELLING: Final = ("arguments", "input", "output", "action", "operation", "tools", "encrypted_content")
"""The member of a tool's call or output that says what it is about; the first that is there."""

_QUIET: Final = frozenset(("type", "id", "status", "call_id", "name"))


def _pretty(text: Json) -> Json:
    """JSON that is given as text, over several lines; anything else as it is."""
    if not isinstance(text, str) or text[:1] not in {"{", "["} or len(text) > TEXT:
        return text
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.MsgspecError, RecursionError):
        return text


def _block(title: str, content: Json) -> Iterator[str]:
    yield f"\n{clip(title, LINE)}:"
    for text in _texts(content):
        yield from (f"  {line}" for line in clip(text, TEXT).splitlines() or [""])


def _texts(content: Json) -> Iterator[str]:
    match content:
        case None:
            yield "(nothing)"
        case str():
            yield inline(content) or content
        case list():
            for part in content[:ITEMS]:
                yield _part(part)
            if len(content) > ITEMS:
                yield f"[… {len(content) - ITEMS:,} more]"
        case _:
            yield short(content, TEXT)


def _part(part: Json) -> str:
    if not isinstance(part, dict):
        return short(part, TEXT)
    for name in ("text", "refusal"):
        if isinstance(part.get(name), str):
            label = "refusal: " if name == "refusal" else ""
            return label + str(part[name])
    kind = short(part.get("type", "part"))
    for place in ("image_url", "file_data", "file_url", "file_id"):
        if isinstance(value := part.get(place), str):
            name = f" {short(part['filename'])}" if part.get("filename") else ""
            return f"[{kind}{name}: {inline(value) or short(value) if place != 'file_data' else file_size(value)}]"
    return short(part, TEXT)


def _tools(tools: Json, depth: int = 0) -> Iterator[str]:
    if not isinstance(tools, list):
        yield short(tools)
        return
    for tool in tools[:ITEMS]:
        kind = short(member(tool, "type") or "?")
        name = member(tool, "name") or member(tool, "server_label")
        label = f"{short(name)}{_parameters(tool)} ({kind})" if name else kind
        inside = member(tool, "tools")
        yield f"{label} of [{', '.join(_tools(inside, depth + 1))}]" if inside and not depth else label
    if len(tools) > ITEMS:
        yield f"… {len(tools) - ITEMS:,} more"


def _parameters(tool: Json) -> str:
    """The names of a function's parameters; its definition may be pages long."""
    names = member(member(tool, "parameters"), "properties")
    return clip(f"({', '.join(map(str, names))})", LINE) if isinstance(names, dict) and names else ""


def _usage(usage: Usage) -> str:
    counts = (
        ("input", usage.input_tokens),
        ("cached", usage.cached_tokens),
        ("cache written", usage.cache_write_tokens or None),
        ("output", usage.output_tokens),
        ("reasoning", usage.reasoning_tokens),
    )
    return ", ".join(f"{name} {count}" for name, count in counts if count is not None)


def differences(sent: Json, left: Json) -> Iterator[str]:
    """The members that an app sent otherwise than they left, by their paths."""
    if isinstance(sent, dict) and isinstance(left, dict):
        yield from islice(_differences(sent, left, "", _DEEPEST), ITEMS)


def _differences(sent: Json, left: Json, path: str, depth: int) -> Iterator[str]:
    if sent == left:
        return
    if depth and isinstance(sent, dict) and isinstance(left, dict):
        for name in dict.fromkeys([*sent, *left]):
            inner = clip(f"{path}.{name}" if path else name, LINE)
            yield from _differences(sent.get(name, ABSENT), left.get(name, ABSENT), inner, depth - 1)
    elif depth and isinstance(sent, list) and isinstance(left, list) and len(sent) == len(left):
        for place, (one, other) in enumerate(zip(sent, left, strict=True)):
            yield from _differences(one, other, f"{path}[{place}]", depth - 1)
    else:
        yield f"{path}: {_shown(sent)} -> {_shown(left)}"


def _shown(value: Json) -> str:
    return "(absent)" if value is ABSENT else short(value)
