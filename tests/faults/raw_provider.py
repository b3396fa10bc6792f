"""A provider whose every byte is told by a script: what no HTTP server would send can be sent."""

import asyncio
import contextlib
import re
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Self

from tests.waiting import LONGEST

NAME: Final = "X-Client-Request-Id"
"""The header by which a call names the script it wants; the sidecar lets it through."""

_NAMED: Final = re.compile(rb"(?i)\r\nx-client-request-id: ([^\r\n]*)")
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: (\d+)")


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Each:
    """These bytes in pieces of ``size``, each its own TLS record."""

    data: bytes
    size: int = 1


type Step = bytes | Pause | Each | Literal["reset", "keep", "endless"]
"""``reset``: RST in place of FIN. ``keep``: wait for the next call. ``endless``: the step before, again and again.

After the last step the connection closes.
"""


@dataclass(frozen=True)
class Script:
    """``early``: played as soon as the head is there, and the body is never read."""

    steps: Sequence[Step]
    early: bool = False


class RawProvider:
    """Speaks TLS by ``context``, or none; ``at_once`` is played as soon as somebody connects, without TLS.
    That may be changed meanwhile. ``calls`` counts whole heads by the script they named, ``dialled`` connections.
    """

    def __init__(
        self, scripts: Mapping[str, Script], context: ssl.SSLContext | None = None, at_once: Script | None = None
    ) -> None:
        self._scripts = scripts
        self._context = context
        self.at_once = at_once
        self.calls: Counter[str] = Counter()
        self.dialled = 0

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), name="raw provider")
        self._thread.start()
        assert ready.wait(LONGEST)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/v1"

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        tls = None if self.at_once else self._context
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls, limit=2**25, backlog=500)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.dialled += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while await self._play(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One call; whether the connection waits for another."""
        script = self.at_once or await self._wanted(reader)
        for number, step in enumerate(script.steps):
            if step == "keep":
                return True
            if step == "endless":
                while True:
                    await self._do(script.steps[number - 1], writer)
                    await asyncio.sleep(0)
            await self._do(step, writer)
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()
            await writer.wait_closed()
        return False

    async def _wanted(self, reader: asyncio.StreamReader) -> Script:
        head = await reader.readuntil(b"\r\n\r\n")
        named = _NAMED.search(head)
        name = named[1].decode() if named else ""
        self.calls[name] += 1
        script = self._scripts[name.partition(" ")[0]]
        if not script.early and (length := _LENGTH.search(head)):
            await reader.readexactly(int(length[1]))
        return script

    @staticmethod
    async def _do(step: Step, writer: asyncio.StreamWriter) -> None:
        match step:
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case "reset":
                own = writer.get_extra_info("socket")
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            case Each(data, size):
                for start in range(0, len(data), size):
                    writer.write(data[start : start + size])
                    await writer.drain()
            case bytes():
                writer.write(step)
                await writer.drain()
                await asyncio.sleep(0.002)  # so that the next step is a read of its own
