"""Whether mitmproxy's inner functions look as they did when their replacements were tried."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import structlog

_log = structlog.get_logger("sidecar.as_tried")


def as_tried(expected: Iterable[tuple[Callable[..., Any], str]], otherwise: str) -> bool:
    """``expected``: functions, and how their signatures begin. ``otherwise``: the warning where one differs."""
    for function, signature in expected:
        found = str(inspect.signature(function))
        if not found.startswith(signature):
            _log.warning(otherwise, function=function.__qualname__, expected=signature, found=found)
            return False
    return True
