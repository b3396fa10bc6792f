"""What was tried and what was lost: figures that tests hand in, shown as one table at the end of the run."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import pytest

STASH: Final = pytest.StashKey["Tally"]()


class Row(NamedTuple):
    """``lost`` counts what went wrong; a test that hands in more than 0 fails by its own assertion."""

    area: str
    what: str
    tried: int
    lost: int
    figures: str = ""


class Tally:
    def __init__(self) -> None:
        self._rows: list[Row] = []

    def add(self, area: str, what: str, *, tried: int, lost: int, figures: str = "") -> None:
        """``area`` groups rows; ``figures`` is what else was measured, in words."""
        self._rows.append(Row(area, what, tried, lost, figures))

    def rows(self) -> list[tuple[object, ...]]:
        """In a form that goes from a worker process to the one that reports."""
        return [tuple(row) for row in self._rows]

    def take(self, rows: Sequence[Sequence[Any]]) -> None:
        """What a worker handed in."""
        self._rows += [Row(*row) for row in rows]

    def lines(self) -> Sequence[str]:
        if not self._rows:
            return ()
        rows = sorted(self._rows)
        heads = ("area", "what", "tried", "lost", "figures")
        table = [heads, *((r.area, r.what, f"{r.tried:,}", f"{r.lost:,}", r.figures) for r in rows)]
        widths = [max(len(cells[column]) for cells in table) for column in range(len(heads))]
        return [
            "  ".join(f"{cell:{'>' if column in {2, 3} else '<'}{widths[column]}}" for column, cell in enumerate(cells))
            for cells in table
        ]
