"""Waits for what happens soon, without saying when."""

import time
from collections.abc import Callable

LONGEST = 20.0  # seconds, for a busy machine


def eventually(holds: Callable[[], object]) -> None:
    """Returns once it holds; fails the test where it never does."""
    end = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)
