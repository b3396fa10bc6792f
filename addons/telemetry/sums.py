"""Numbers kept here and shown to the SDK when it asks: counting a call in the SDK itself costs ten times as much."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry.metrics import CallbackOptions, Observation

WINDOW: Final = 60.0  # seconds

type Labels = tuple[str, ...]


class Sums:
    """How much there was of each combination of ``labels``."""

    def __init__(self, *labels: str) -> None:
        self._labels = labels
        self._sums: dict[Labels, int] = {}
        self._lock = threading.Lock()  # the SDK asks on a thread of its own

    def add(self, amount: int, *values: str) -> None:
        with self._lock:
            self._sums[values] = self._sums.get(values, 0) + amount

    def observe(self, _options: CallbackOptions) -> Sequence[Observation]:
        """As the SDK calls it."""
        with self._lock:
            return _observations(self._labels, self._sums)


class Highest:
    """The highest value of each combination of ``labels``, in this minute or the one before.

    ``clock`` gives seconds and never goes back.
    """

    def __init__(self, clock: Callable[[], float], *labels: str) -> None:
        self._clock = clock
        self._labels = labels
        self._window = 0
        self._now: dict[Labels, float] = {}
        self._before: dict[Labels, float] = {}
        self._lock = threading.Lock()

    def note(self, value: float, *values: str) -> None:
        with self._lock:
            self._turn()
            self._now[values] = max(value, self._now.get(values, value))

    def observe(self, _options: CallbackOptions) -> Sequence[Observation]:
        """As the SDK calls it."""
        with self._lock:
            self._turn()
            both = {values: max(value, self._now.get(values, value)) for values, value in self._before.items()}
            return _observations(self._labels, self._now | both)

    def _turn(self) -> None:
        window = int(self._clock() / WINDOW)
        if window != self._window:
            self._before = self._now if window == self._window + 1 else {}
            self._now, self._window = {}, window


def _observations(labels: Labels, numbers: dict[Labels, int] | dict[Labels, float]) -> Sequence[Observation]:
    return [Observation(number, dict(zip(labels, values, strict=True))) for values, number in numbers.items()]
