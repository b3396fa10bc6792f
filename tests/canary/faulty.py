"""The sidecar's own program, with a fault of our own wherever the header Canary-Fault says.

What is raised quotes all that the place could know: the token, the headers, the body, the provider's key.
Run as ``python -m tests.canary.faulty start …``.
"""

import asyncio
import functools
import gc
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any, Final

from addons import __main__ as program
from addons.call import Call
from addons.exchange import exchange
from addons.exchange.relay import Relay
from addons.exchange.replies import Replies
from addons.exchange.upstream.connection import UpstreamConnection
from addons.exchange.upstream.pool import UpstreamPool
from addons.exchange.upstream.tls_connection import TlsConnection
from addons.gates.body import ReadBody
from addons.gates.route import Route
from addons.journal import journal, pipeline
from addons.usage.settlement import Settlement

PLACES: Final[dict[str, tuple[Any, str]]] = {
    "body": (ReadBody, "__call__"),
    "credential": (exchange, "bearer_of"),
    "connect": (UpstreamPool, "connect"),
    "send": (UpstreamConnection, "send"),
    "wire": (TlsConnection, "write"),
    "answer-head": (Relay, "_head_came"),
    "reading-along": (Relay, "_payload_came"),
    "answer": (Relay, "finish"),
    "telling": (Replies, "fields"),
    "journal": (journal, "record_of"),
    "sink": (Settlement, "settle"),
    "telemetry": (pipeline.Pipeline, "settle"),
}
EVERYWHERE: Final = ("gate", *PLACES, "task", "callback")


class Known:
    """Of the call under way: what an exception could quote."""

    wanted = ""
    words = ""


def fail() -> None:
    """Raises an error that quotes, from an error that quotes."""
    raise LookupError(f"unforeseen: {Known.words}") from ValueError(Known.words)


async def fail_later() -> None:
    fail()


def failing(place: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def faulty_later(*args: Any, **kwargs: Any) -> Any:
            if Known.wanted == place:
                fail()
            return await function(*args, **kwargs)

        return faulty_later

    @functools.wraps(function)
    def faulty(*args: Any, **kwargs: Any) -> Any:
        if Known.wanted == place:
            fail()
        return function(*args, **kwargs)

    return faulty


def route(own: Route, call: Call, judge: Callable[[Route, Call], None] = Route.__call__) -> None:
    Known.wanted = call.header("canary-fault") or ""
    Known.words = f"{call.credentials} {call.target} {call.headers} {os.environ['CANARY_KEY']}"
    loop = asyncio.get_running_loop()
    if Known.wanted == "task":
        loop.create_task(fail_later())  # noqa: RUF006 - nobody keeps it, nobody asks for its outcome
        loop.call_later(0.05, gc.collect)  # which is when that is told
    elif Known.wanted == "callback":
        loop.call_soon(fail)
    elif Known.wanted == "gate":
        fail()
    judge(own, call)


def main() -> int:
    Route.__call__ = route  # type: ignore[assignment, method-assign]  # a fault put in
    for place, (kind, name) in PLACES.items():
        setattr(kind, name, failing(place, getattr(kind, name)))
    return program.main()


if __name__ == "__main__":
    sys.exit(main())
