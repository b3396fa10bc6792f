"""The real servers of `servers`, for tests that have no loop of their own."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.verifiers.servers import Answer, Served, serving
from tests.waiting import LONGEST


@contextmanager
def served(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = serving(answer, tls)
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(LONGEST)
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(LONGEST)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(LONGEST)
        loop.close()
