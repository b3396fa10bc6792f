"""How full a minute is, and when a call fits."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from addons.foundry.rate_window import WINDOW, Count, Moment, fits, moment, reset, used, wait


@pytest.mark.parametrize(
    ("count", "elapsed", "expected"),
    [
        (Count(0, 0), 0, 0),
        (Count(0, 7), 59, 7),
        (Count(60, 0), 0, 60),
        (Count(60, 0), 30, 30),
        (Count(60, 5), 59, 6),
        (Count(-60, 5), 0, 5),
        (Count(60, -5), 30, 30),
    ],
)
def test_the_minute_before_fades(count: Count, elapsed: float, expected: float) -> None:
    assert used(count, elapsed) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("count", "cost", "limit", "elapsed", "expected"),
    [
        (Count(0, 0), 10, 10, 0, 0),
        (Count(0, 1), 10, 10, 20, 100),  # none may be left of the one, which is only so when the next minute ends
        (Count(0, 10), 10, 10, 20, 100),
        (Count(0, 10), 1, 10, 20, 46),
        (Count(10, 0), 1, 10, 0, 6),
        (Count(10, 0), 10, 10, 0, 60),
        (Count(10, 0), 10, 10, 59, 1),
        (Count(0, 20), 1, 10, 0, 93),  # over the limit by what was charged late
        (Count(-9, 0), 10, 10, 0, 0),
    ],
)
def test_the_wait(count: Count, cost: int, limit: int, elapsed: float, expected: float) -> None:
    assert wait(count, cost, limit, elapsed) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("count", "elapsed", "expected"),
    [
        (Count(0, 0), 10, 0),
        (Count(5, 0), 10, 50),
        (Count(1, 0), 10, 50),
        (Count(5, 1), 10, 110),
        (Count(0, 1), 10, 110),
    ],
)
def test_the_reset(count: Count, elapsed: float, expected: float) -> None:
    assert reset(count, elapsed) == expected


def test_a_moment() -> None:
    assert moment(120) == Moment(2, 0)
    assert moment(179.5) == Moment(2, 59.5)


counts = st.integers(-(10**6), 10**10)


@given(
    count=st.builds(Count, counts, counts),
    limit=st.integers(1, 10**9),
    share=st.floats(0, 1),
    elapsed=st.floats(0, WINDOW, exclude_max=True),
)
def test_who_waits_is_let_through_and_nobody_waits_too_long(
    count: Count, limit: int, share: float, elapsed: float
) -> None:
    cost = max(1, round(limit * share))
    seconds = wait(count, cost, limit, elapsed)
    assert 0 <= seconds <= 2 * WINDOW
    assert (seconds == 0) == fits(count, cost, limit, elapsed)

    def fits_after(waited: float) -> bool:
        minutes, later = divmod(elapsed + waited, WINDOW)
        return fits((count, Count(count.current, 0), Count(0, 0))[min(int(minutes), 2)], cost, limit, later)

    assert fits_after(seconds + 0.001)
    assume(seconds > 0.01)
    assert not fits_after(seconds - 0.01) or _nearly_full(count, limit)


def _nearly_full(count: Count, limit: int) -> bool:
    """Where a hundredth of a second changes less than a float can tell."""
    return max(count) < 100 or limit > 10**8
