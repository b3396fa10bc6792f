"""Lines of the log that repeat: of each kind the first are written, the rest counted and told of in one line.

Whoever reaches a port can have such lines written, as many as they like: a head that is none, a tunnel to anywhere, a
handshake that fails. Records of calls are not among them; those have bounds of their own (``journal.unproven``).
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

SPAN: Final = 60.0  # seconds that are told of in one line
ALONE: Final = 60  # lines of a kind in a span that are written


class Repeated:
    """Counts within spans of ``SPAN`` seconds. ``clock`` gives seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._written: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def is_written(self, kind: str) -> bool:
        """Whether a line of this kind is to be written; otherwise it is counted. There must be few kinds."""
        counted = self._left_out if self._written[kind] >= ALONE else self._written
        counted[kind] += 1
        return counted is self._written

    @property
    def over(self) -> bool:
        """Whether the span has ended."""
        return self._clock() - self._began >= SPAN

    def sum(self) -> Mapping[str, int]:
        """How many lines of each kind were left out; begins the next span."""
        left_out = dict(self._left_out)
        self._written, self._left_out = Counter(), Counter()
        self._began = self._clock()
        return left_out
