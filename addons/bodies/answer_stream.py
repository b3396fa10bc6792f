"""An answer that is a stream of server-sent events, of any API: what may pass on now, and what it says of itself."""

from abc import abstractmethod

from addons.bodies.answer_facts import AnswerFacts
from addons.bodies.event_splitter import MAX_HELD_BYTES, EventSplitter


class AnswerStream(EventSplitter):
    """One answer. It never raises.

    ``feed`` and ``end`` return what is to be passed on; behind them, or in place of ``end``, ``cut`` returns the event
    that tells the caller that the stream broke off.

    Attributes:
        facts: what it said of itself so far.
        finished: whether it has said its last: what follows, or does not, changes nothing.
        failed: whether the provider ended it with an error.
    """

    def __init__(self, max_held_bytes: int = MAX_HELD_BYTES) -> None:
        super().__init__(max_held_bytes)
        self.facts = AnswerFacts()
        self._cut = False

    @property
    @abstractmethod
    def finished(self) -> bool: ...

    @property
    @abstractmethod
    def failed(self) -> bool: ...

    @abstractmethod
    def error(self, code: str, message: str) -> bytes:
        """The data of an event on which the API's clients raise: a JSON object."""

    def cut(self, code: str, message: str) -> bytes:
        """The one error event that ends a stream that broke off; empty where the stream has said its last.

        What was held back is dropped. Where a part of a large event has passed, its data is completed to a JSON object
        whose last members are the error: a client raises on either.
        """
        if self.finished or self._cut:
            self._held.clear()
            return b""
        self._cut = True
        return self.ending(self.error(code, message))
