"""Takes the content out of requests and answers. Their structure stays: types, ids, names, numbers, usage.

To redact a redacted document changes nothing. So an app that sends a replayed answer back, as the history of its next
call, sends a request that fits the recorded one.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from addons.bodies.server_sent_event import split_events
from addons.bodies.verdict import Json

KEPT: Final = frozenset(
    (
        "type", "object", "role", "status", "phase", "model", "name", "code", "id", "item_id", "call_id", "response_id",
        "effort", "verbosity", "truncation", "service_tier", "tool_choice", "detail", "include", "syntax",
        "prompt_cache_retention", "tool_call_id", "finish_reason", "reasoning_effort", "encoding_format", "format",
    )
)  # fmt: skip
"""Members whose strings stay where they are one word: they say how a call is made, and hold none of its content."""

FREE_FORM: Final = frozenset(
    ("metadata", "parameters", "schema", "arguments", "env", "headers", "variables", "input_schema", "output_schema")
)
"""Members that hold objects which the app defines. The names of their members are content too."""

PIECEMEAL: Final = frozenset(("logprobs", "top_logprobs"))
"""Members with lists, or objects of lists, of a text's tokens. Each is so short that its mark would betray it."""

TOKENS: Final = frozenset(("input",))
"""Members whose lists of numbers are the tokens of a text."""

VECTORS: Final = frozenset(("embedding",))
"""Members with numbers from which a text can be found again. As many zeros take their place."""

SHORT: Final = 32  # characters
"""A shorter text gets a hash so short that many texts share it: to try all texts does not find the one for certain."""

_WORD: Final = re.compile(r"[A-Za-z0-9._:-]{0,128}")
_MEMBER: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")  # a name that an API gives; other names are content
_MARK: Final = re.compile(r"\[REDACTED LENGTH=\d+ HASH=[0-9a-f]{4}(?:[0-9a-f]{12})?\]")
_END_OF_EVENTS: Final = b"[DONE]"
_PLACE: Final = ("type", "item_id", "output_index", "content_index", "summary_index", "index")
"""Members that say to which text a delta belongs."""


def is_mark(value: Json) -> bool:
    """Whether the value is a mark in the place of a text or an object that was taken out."""
    if isinstance(value, dict):
        return value.keys() == {"redacted"} and is_mark(value["redacted"])
    return isinstance(value, str) and _MARK.fullmatch(value) is not None


class Redaction:
    """Redacts with one salt. With equal salts equal texts get equal marks, with other salts others."""

    def __init__(self, salt: str) -> None:
        self._salt = salt.encode()

    def mark(self, text: str) -> str:
        """The mark of a text: its length in characters, and a hash. A mark and the empty text are returned as is."""
        if not text or _MARK.fullmatch(text):
            return text
        found = hmac.new(self._salt, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"[REDACTED LENGTH={len(text)} HASH={found[: 4 if len(text) < SHORT else 16]}]"

    def document(self, value: Json, member: str = "") -> Json:
        """The JSON value without content. ``member`` is the name of the member whose value it is."""
        if member in VECTORS:
            return _zeros(value)
        if isinstance(value, str):
            return value if member in KEPT and _WORD.fullmatch(value) else self.mark(value)
        if isinstance(value, list):
            return self._list(value, member)
        if isinstance(value, dict):
            return self._object(value, member)
        return value

    def json_text(self, text: bytes) -> bytes:
        """The body without content. A body that is not JSON is replaced by its mark."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return self._mark_bytes(text)
        return _bytes(self.document(document))

    def events(self, pieces: Sequence[bytes]) -> Iterator[bytes]:
        """The server-sent events of one stream without content, each with the blank line that ends it.

        The first delta of a text gets the mark of the whole text, and the others become empty. So the deltas together
        are the text that a later event repeats, and no short piece has a mark of its own.
        """
        read = [_Event(piece) for piece in pieces]
        texts: dict[str, list[str]] = {}
        for event in read:
            for delta in event.deltas:
                texts.setdefault(delta.place, []).append(delta.text)
        for event in read:
            if event.document is None:
                yield self._unread(event)
                continue
            for delta in event.deltas:
                delta.holder[delta.member] = self.mark("".join(texts.pop(delta.place, ())))
            event.document.pop("obfuscation", None)
            yield event.head + b"data: " + _bytes(self.document(event.document)) + b"\n\n"

    def broken_event(self, piece: bytes) -> bytes:
        """The part of an event that had come when the stream broke off, as an unfinished comment with its mark."""
        return b": " + self._mark_bytes(piece)

    def _list(self, value: list[Json], member: str) -> Json:
        if member in PIECEMEAL:
            return []
        if member in TOKENS and value and all(type(each) is int for each in value):
            return self.mark(canonical(value))
        return [self.document(each, member) for each in value]

    def _object(self, value: dict[str, Any], member: str) -> Json:
        if value and (member in FREE_FORM or not all(map(_MEMBER.fullmatch, value))):
            return self._closed(value)
        if member in PIECEMEAL:
            return {name: [] if isinstance(each, list) else None for name, each in value.items()}
        kept = {name: self.document(each, name) for name, each in value.items()}
        if "role" in value and isinstance(value.get("name"), str):  # the name of a person or another author
            kept["name"] = self.mark(value["name"])
        return kept

    def _closed(self, value: dict[str, Any]) -> Json:
        if is_mark(value):
            return value
        return {"redacted": self.mark(canonical(value))}

    def _unread(self, event: "_Event") -> bytes:
        if not event.data:
            return b":\n\n"  # a comment, which only keeps the connection in use
        kept = event.data if event.data == _END_OF_EVENTS else self._mark_bytes(event.data)
        return b"data: " + kept + b"\n\n"

    def _mark_bytes(self, text: bytes) -> bytes:
        return self.mark(text.decode("utf-8", "replace")).encode()


class _Delta(NamedTuple):
    """A piece of a text, the value of ``member`` in ``holder``. Pieces of one text have the same ``place``."""

    holder: dict[str, Any]
    member: str
    place: str

    @property
    def text(self) -> str:
        return str(self.holder[self.member])


class _Event:
    """One event: ``document`` is its JSON object, None where it has none; ``deltas`` are the pieces of texts in it."""

    def __init__(self, piece: bytes) -> None:
        self.data = next(split_events(piece), b"")
        self.document: dict[str, Any] | None = None
        self.deltas: list[_Delta] = []
        try:
            found = json.loads(self.data)
        except (ValueError, RecursionError):
            return
        if not isinstance(found, dict):
            return
        self.document = found
        kind = str(found.get("type", ""))
        self.head = f"event: {kind}\n".encode() if piece.startswith(b"event") and _WORD.fullmatch(kind) else b""
        self.deltas = list(_deltas(found, ()))


def _deltas(value: Json, place: tuple[Json, ...], *, within: bool = False) -> Iterator[_Delta]:
    """The pieces of texts in an event of any API: the strings of ``delta``, and those ``within`` a ``delta``."""
    if isinstance(value, list):
        for each in value:
            yield from _deltas(each, place, within=within)
    elif isinstance(value, dict):
        here = (*place, *(value.get(name) for name in _PLACE))
        for name, each in value.items():
            if not isinstance(each, str):
                yield from _deltas(each, (*here, name), within=within or name == "delta")
            elif name == "delta" or (within and name not in KEPT):
                yield _Delta(value, name, canonical((*here, name)))


def _zeros(vector: Json) -> Json:
    """As many zeros in the same form: a list, or bytes in base64; None where the vector has neither form."""
    if isinstance(vector, str):
        return base64.b64encode(bytes(len(vector.rstrip("=")) * 3 // 4)).decode()
    return [0] * len(vector) if isinstance(vector, list) else None


def canonical(value: Json) -> str:
    """JSON text that is the same for every order of keys and any white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _bytes(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
