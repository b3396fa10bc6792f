"""Numbers kept between two collections. They are added up here, since a measurement in the SDK costs ten times as much.

Nothing here is locked: where one thread adds and another reads, both must hold a lock.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

WINDOW: Final = 60.0  # seconds

type Labels = tuple[str, ...]
"""Values of labels, in the order of their names. An empty value: the label does not apply."""


class Sums:
    """The sum of amounts for each combination of labels."""

    def __init__(self) -> None:
        self._sums: dict[Labels, float] = {}

    def add(self, amount: float, *values: str) -> None:
        """Adds to the sum for these values of labels."""
        self._sums[values] = self._sums.get(values, 0) + amount

    def read(self) -> list[tuple[Labels, float]]:
        """All sums, since the start."""
        return list(self._sums.items())


class Distribution(NamedTuple):
    """One histogram. ``buckets`` are counts, one more than there are boundaries: the last is of all larger values."""

    buckets: tuple[int, ...]
    total: float
    lowest: float
    highest: float


class Distributions:
    """Histograms by combination of labels. ``boundaries`` ascend; each belongs to the bucket that it ends."""

    def __init__(self, boundaries: Sequence[float]) -> None:
        self._boundaries = boundaries
        self._kept: dict[Labels, tuple[list[int], list[float]]] = {}

    def add(self, value: float, *values: str) -> None:
        """Puts the value into the histogram for these values of labels."""
        found = self._kept.get(values)
        if found is None:
            found = self._kept[values] = ([0] * (len(self._boundaries) + 1), [0.0, value, value])
        buckets, figures = found
        buckets[bisect_left(self._boundaries, value)] += 1
        figures[0] += value
        if value < figures[1]:
            figures[1] = value
        elif value > figures[2]:
            figures[2] = value

    def read(self) -> list[tuple[Labels, Distribution]]:
        """All histograms, since the start."""
        return [(values, Distribution(tuple(buckets), *figures)) for values, (buckets, figures) in self._kept.items()]


class Highest:
    """The highest value for each combination of labels, in this minute or the one before.

    ``clock`` gives seconds, and never goes back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._window = 0
        self._now: dict[Labels, float] = {}
        self._before: dict[Labels, float] = {}

    def add(self, value: float, *values: str) -> None:
        """Keeps the value, where it is the highest for these values of labels."""
        self._turn()
        self._now[values] = max(value, self._now.get(values, value))

    def read(self) -> list[tuple[Labels, float]]:
        """The highest values. A combination of labels without a value in the two minutes is left out."""
        self._turn()
        both = {values: max(value, self._now.get(values, value)) for values, value in self._before.items()}
        return list((self._now | both).items())

    def _turn(self) -> None:
        window = int(self._clock() / WINDOW)
        if window != self._window:
            self._before = self._now if window == self._window + 1 else {}
            self._now, self._window = {}, window
