"""A request or an answer of the Responses API as a person wants to read it: who said what, with which tools.

Everything is bounded, whatever the body holds: ``TEXT`` characters of one text, ``ITEMS`` of one list, ``PAGE``
characters in all; what is left out is counted. Images and files are named by type and size.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from addons.responses.verdict import Json

TEXT: Final = 20_000
ITEMS: Final = 200
PAGE: Final = 200_000

_DATA_URL: Final = re.compile(r"data:([\w.+/-]*)((?:;[\w.=+-]+)*),")
_LINE: Final = 300  # characters of a value that must fit a line

# What a request says beside its conversation and tools is shown in one line each, in the order it came.
_TOLD_APART: Final = frozenset(("instructions", "input", "tools"))


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


def request_lines(document: Json) -> Iterator[str]:
    """A parsed request body."""
    if not isinstance(document, dict):
        yield from _block("body", document)
        return
    for name, value in document.items():
        if name not in _TOLD_APART:
            yield f"{name}: {_short(value)}"
    if tools := document.get("tools"):
        yield f"tools: {', '.join(_tools(tools))}"
    if instructions := document.get("instructions"):
        yield from _block("instructions", instructions)
    given = document.get("input")
    yield from items([{"role": "user", "content": given}] if isinstance(given, str) else given)


def answer_lines(response: Json) -> Iterator[str]:
    """A Response object, or one put together from a stream."""
    if not isinstance(response, dict):
        yield from _block("answer", response)
        return
    for name in ("id", "model", "status", "events"):
        if response.get(name) is not None:
            yield f"{name}: {_short(response[name])}"
    if reason := _member(response.get("incomplete_details"), "reason"):
        yield f"finish reason: {_short(reason)}"
    if usage := response.get("usage"):
        yield f"usage: {_usage(usage)}"
    if error := response.get("error"):
        yield from _block("error", error)
    yield from items(response.get("output"))


def last_said(document: Json) -> str:
    """The text of the last message by a user in a parsed request; empty where there is none."""
    given = _member(document, "input")
    if isinstance(given, str):
        return given[:TEXT]
    for item in reversed(given if isinstance(given, list) else []):
        if _member(item, "role") == "user":
            content = _member(item, "content")
            parts = [content] if isinstance(content, str) else [_member(part, "text") for part in _listed(content)]
            if text := next((part for part in reversed(parts) if isinstance(part, str)), ""):
                return text[:TEXT]
    return ""


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def items(given: Json) -> Iterator[str]:
    """The items of an input or an output."""
    if given is None:
        return
    if not isinstance(given, list):
        yield from _block("input", given)
        return
    for item in given[:ITEMS]:
        yield from _item(item)
    if len(given) > ITEMS:
        yield f"\n[… {len(given) - ITEMS:,} more items]"


def _item(item: Json) -> Iterator[str]:
    if not isinstance(item, dict):
        yield from _block("item", item)
        return
    kind = str(item.get("type") or "message")
    if kind == "message":
        yield from _block(str(item.get("role") or "message"), item.get("content"))
    elif kind == "reasoning":
        sealed = item.get("encrypted_content")
        note = f" [encrypted, {len(sealed):,} characters]" if isinstance(sealed, str) else ""
        yield from _block(f"reasoning{note}", item.get("summary") or item.get("content"))
    else:
        name = f" {_short(item['name'])}" if item.get("name") else ""
        mark = f" [{_short(item['call_id'])}]" if item.get("call_id") else ""
        told = next((item[member] for member in _TELLING if member in item), None)
        rest = {key: value for key, value in item.items() if key not in _QUIET} if told is None else told
        yield from _block(f"{kind}{name}{mark}", rest)


_TELLING: Final = ("arguments", "input", "output", "action", "operation", "tools", "encrypted_content")
"""The member of a tool's call or output that says what it is about; the first that is there."""

_QUIET: Final = frozenset(("type", "id", "status", "call_id", "name"))


def _block(title: str, content: Json) -> Iterator[str]:
    yield f"\n{_clip(title, _LINE)}:"
    for text in _texts(content):
        yield from (f"  {line}" for line in _clip(text, TEXT).splitlines() or [""])


def _texts(content: Json) -> Iterator[str]:
    match content:
        case None:
            yield "(nothing)"
        case str():
            yield _inline(content) or content
        case list():
            for part in content[:ITEMS]:
                yield _part(part)
            if len(content) > ITEMS:
                yield f"[… {len(content) - ITEMS:,} more]"
        case _:
            yield _short(content, TEXT)


def _part(part: Json) -> str:
    if not isinstance(part, dict):
        return _short(part, TEXT)
    for member in ("text", "refusal"):
        if isinstance(part.get(member), str):
            label = "refusal: " if member == "refusal" else ""
            return label + str(part[member])
    kind = _short(part.get("type", "part"))
    for member in ("image_url", "file_data", "file_url", "file_id"):
        if isinstance(value := part.get(member), str):
            name = f" {_short(part['filename'])}" if part.get("filename") else ""
            return f"[{kind}{name}: {_inline(value) or _short(value) if member != 'file_data' else _file(value)}]"
    return _short(part, TEXT)


def _inline(text: str) -> str | None:
    """``image/png, 12,345 bytes`` for a ``data:`` URL; None for anything else."""
    found = _DATA_URL.match(text)
    if not found:
        return None
    payload = len(text) - found.end()
    size = payload * 3 // 4 - text[-2:].count("=") if "base64" in found[2] else payload
    return f"{found[1] or 'text/plain'}, {size:,} bytes"


def _file(text: str) -> str:
    return _inline(text) or f"base64, {len(text) * 3 // 4 - text[-2:].count('='):,} bytes"


def _tools(tools: Json, depth: int = 0) -> Iterator[str]:
    if not isinstance(tools, list):
        yield _short(tools)
        return
    for tool in tools[:ITEMS]:
        kind = _short(_member(tool, "type") or "?")
        name = _member(tool, "name") or _member(tool, "server_label")
        label = f"{_short(name)} ({kind})" if name else kind
        inside = _member(tool, "tools")
        yield f"{label} of [{', '.join(_tools(inside, depth + 1))}]" if inside and not depth else label
    if len(tools) > ITEMS:
        yield f"… {len(tools) - ITEMS:,} more"


def _usage(usage: Json) -> str:
    counts = (
        ("input", _member(usage, "input_tokens")),
        ("cached", _member(_member(usage, "input_tokens_details"), "cached_tokens")),
        ("output", _member(usage, "output_tokens")),
        ("reasoning", _member(_member(usage, "output_tokens_details"), "reasoning_tokens")),
    )
    return ", ".join(f"{name} {_short(count)}" for name, count in counts if count is not None)


def _member(value: Json, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _short(value: Json, longest: int = _LINE) -> str:
    """A value in one line, built no further than it is shown."""
    if isinstance(value, str):
        return _clip(_inline(value) or value, longest)
    text = "".join(_within(_written(value), longest))
    return text if len(text) <= longest else f"{text[:longest]} …"


def _within(pieces: Iterator[str], longest: int) -> Iterator[str]:
    left = longest
    for piece in pieces:
        yield piece
        left -= len(piece)
        if left < 0:
            return


def _written(value: Json) -> Iterator[str]:
    """JSON, piece by piece; strings are clipped, since a piece is built before it is counted."""
    match value:
        case dict():
            yield "{"
            for position, (name, member) in enumerate(value.items()):
                yield f"{', ' if position else ''}{_clip(str(name), _LINE)}: "
                yield from _written(member)
            yield "}"
        case list():
            yield "["
            for position, member in enumerate(value):
                if position:
                    yield ", "
                yield from _written(member)
            yield "]"
        case str():
            yield f'"{_clip(_inline(value) or value, TEXT)}"'
        case None | bool():
            yield {None: "null", True: "true", False: "false"}[value]
        case _:
            yield str(value)


def _clip(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]} [… {len(text) - longest:,} more characters]"


def differences(sent: Json, left: Json) -> Iterator[str]:
    """The top-level members that an app sent otherwise than they left."""
    if not (isinstance(sent, dict) and isinstance(left, dict)):
        return
    names: Sequence[str] = list(dict.fromkeys([*sent, *left]))
    changed = (name for name in names if name not in sent or name not in left or sent[name] != left[name])
    for name in islice(changed, ITEMS):
        yield f"{_clip(name, _LINE)}: {_shown(sent, name)} -> {_shown(left, name)}"


def _shown(document: dict[str, Json], name: str) -> str:
    return _short(document[name]) if name in document else "(absent)"
