"""Host names looked up on threads of their own: while a resolver says nothing, everything else goes on."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

type Address = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
"""As ``socket.getaddrinfo`` gives it."""

_THREADS: Final = ThreadPoolExecutor(16, "names")


async def look_up(host: str, port: int) -> list[Address]:
    """The addresses of a name for TCP.

    Raises:
        OSError: it can't be resolved.
        ValueError: it is no name.
    """
    asked = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    return list(await asyncio.get_running_loop().run_in_executor(_THREADS, asked))
