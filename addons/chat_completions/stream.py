"""An answer of the chat completions API as a stream: chunks, and ``[DONE]`` behind the last.

Every chunk repeats the completion's id and model, and holds one choice's next piece. The one that says what was used
has no choice in it, and comes last. The sidecar has every call ask for it (``additions.py``); where the caller did
not, it does not pass.
"""

from dataclasses import replace
from typing import Final

from addons.bodies.answer_facts import AnswerFacts, object_of
from addons.bodies.answer_stream import AnswerStream
from addons.bodies.event_splitter import MAX_HELD_BYTES
from addons.chat_completions.answer import COMPLETION, MEMBERS, error_data

DONE: Final = b"[DONE]"

_NULL_USAGE: Final = b'"usage":null'
_CHOICE: Final = b'"choices":[{'
_LASTING: Final = ("response_id", "model", "service_tier", "usage")


class ChunkStream(AnswerStream):
    """``shows_usage``: whether the caller asked for the chunk that says what was used.

    Attributes:
        facts: what the chunks said so far, each member as it was said last.
    """

    marks = (DONE, b'"error"', b'"usage"')
    wanted = MEMBERS
    error_name = b""

    def __init__(self, max_held_bytes: int = MAX_HELD_BYTES, *, shows_usage: bool) -> None:
        super().__init__(max_held_bytes)
        self._shows_usage = shows_usage
        self._finished = self._failed = False
        self._head = b""  # how the last chunk that was read began; empty before the first

    @property
    def finished(self) -> bool:
        return self._finished

    @property
    def failed(self) -> bool:
        return self._failed or (self._finished and not self.facts.is_result)

    def error(self, code: str, message: str) -> bytes:
        return error_data(code, message)

    def says_something(self, event: bytes) -> bool:
        """Of chunks, the first, which names the model, and the one with the usage; all others have null there.

        One that begins as one that was read did, up to its choice, is no error, which need not be looked for in all of
        it.
        """
        if self._head and event.rfind(_NULL_USAGE) != -1:  # from the end, near which it stands
            return not event.startswith(self._head) and b'"error"' in event
        return not self._head or super().says_something(event)

    def read(self, name: str, data: bytes) -> None:  # noqa: ARG002 - as every API's; these events have no name
        if data == DONE:
            self._finished = True
            return
        facts = COMPLETION.facts(data)
        before, *_ = data.partition(_CHOICE)
        self._head = b"data: " + before + _CHOICE
        self.unread = self.unread or facts.unread
        if facts.failed:
            self._finished = self._failed = True
        self.facts = _joined(self.facts, facts)

    def leaves_out(self, data: bytes) -> bool:
        """Whether it is the chunk with the usage, and with nothing else, that the caller did not ask for."""
        chunk = {} if self._shows_usage else object_of(data)
        return not chunk.get("choices") and chunk.get("usage") is not None and chunk.get("error") is None


def _joined(before: AnswerFacts, now: AnswerFacts) -> AnswerFacts:
    kept = {name: getattr(before, name) for name in _LASTING if getattr(now, name) is None}
    return replace(now, unread=before.unread or now.unread, **kept)
