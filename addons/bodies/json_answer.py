"""An answer in one JSON document, of any API: read while it passes, within bounds."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from addons.bodies.abridgement import Abridgement, WantedMembers
from addons.bodies.answer_facts import NOTHING, UNDECODABLE, UNREAD, AnswerFacts, made_out

MAX_KEPT_BYTES: Final = 1024 * 1024  # of an answer in one piece; what is longer is abridged as it comes


_BLANK: Final = b"\xef\xbb\xbf \t\r\n"  # white space and a byte order mark


class Document:
    """One kind of JSON object that an API answers with: ``members`` are read of it, ``facts`` says what they mean."""

    def __init__(self, members: WantedMembers, facts: Callable[[Mapping[str, Any]], AnswerFacts]) -> None:
        self.members = members
        self._facts = facts
        # passes over all other members without building them
        kept = msgspec.defstruct("Kept", [(name, Any, None) for name in members])
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kept)

    def facts_from(self, parsed: object) -> AnswerFacts:
        """Read the parsed object."""
        return self._facts(parsed) if isinstance(parsed, Mapping) else NOTHING

    def facts(self, body: bytes | msgspec.Raw) -> AnswerFacts:
        """Read the bytes of the object, or of an error envelope in its place, whose code becomes ``error_code``.

        Of what is half a document, or not quite JSON, it reads what can be made out.
        """
        try:
            return self.facts_from(msgspec.structs.asdict(self._decoder.decode(body)))
        except UNDECODABLE:
            parsed, complete = made_out(bytes(body), self.members)
        if not isinstance(parsed, dict):
            return UNREAD
        facts = self.facts_from(parsed)
        return facts if complete else replace(facts, unread=True)


class JsonAnswer:
    """One answer in one piece. It never raises.

    Attributes:
        complete: whether the document came to its end; False for half of one, and for what is no JSON object.
            Like ``unread`` it is known once ``facts`` was asked for.
        unread: something that should have been read could not be.
    """

    def __init__(self, document: Document, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self.complete = False
        self.unread = False
        self._document = document
        self._max_kept = max_kept_bytes
        self._kept = bytearray()
        self._abridged: Abridgement | None = None
        self._is_object: bool  # of what is abridged
        self._facts: AnswerFacts | None = None

    def feed(self, payload: bytes) -> None:
        if self._abridged is not None:
            self._abridged.feed(payload)
            return
        self._kept += payload
        if len(self._kept) > self._max_kept:
            self._abridged = Abridgement(self._document.members)
            self._abridged.feed(bytes(self._kept))
            self._is_object = _begins_an_object(self._kept)
            self._kept.clear()

    def facts(self) -> AnswerFacts:
        """What the answer said of itself; of half an answer, what that half said. Asked for when all was fed."""
        if self._facts is not None:
            return self._facts
        if self._abridged is None:
            body = bytes(self._kept)
            facts = self._document.facts(body)
            self.complete = not facts.unread or _is_whole(body)
        else:
            facts = self._document.facts(self._abridged.document())
            self.complete = self._abridged.complete and self._is_object
            if self._abridged.unread or not self.complete:
                facts = replace(facts, unread=True)
        self.unread = facts.unread
        self._facts = facts
        self._kept.clear()
        return facts


def _is_whole(document: bytes) -> bool:
    read = Abridgement({})
    read.feed(document)
    return read.complete and _begins_an_object(document)


def _begins_an_object(document: bytes | bytearray) -> bool:
    """Of white space alone nobody knows yet."""
    return document.lstrip(_BLANK)[:1] in (b"", b"{")
