"""Waits for what happens soon, without saying when."""

import time
from collections.abc import Callable
from typing import Final

LONGEST: Final = 60.0
"""Seconds: what takes longer, hangs. No test that passes waits for it, so that it may be long for a busy machine."""


def eventually[T](look: Callable[[], T | None]) -> T:
    """What ``look`` finds, as soon as it finds something; fails the test where it never does."""
    end = time.monotonic() + LONGEST
    while not (found := look()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)
    return found
