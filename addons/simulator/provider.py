"""A stand-in for OpenAI's APIs that answers as told, and records what reached it byte for byte."""

import asyncio
import logging
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, cast

from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.netutil import add_accept_handler, ssl_wrap_socket

from addons.simulator import directives
from addons.simulator.certificates import LOOPBACK, Authority
from addons.simulator.delivery import deliver, fail
from addons.simulator.directives import DirectiveError, Directives
from addons.simulator.errors import Error
from addons.simulator.judge import judge, path_of
from addons.simulator.received import ReceivedCall
from addons.simulator.simulated_apis import SIMULATED_APIS
from addons.simulator.wire import Peer, Request

_log: Final = logging.getLogger(__name__)


class SimulatedProvider:
    """The simulated provider on a thread of its own, between ``start`` and ``close`` or inside ``with``.

    ``names`` are what its certificate is good for; ``directory`` keeps its authority, for later runs too.
    ``api_key`` makes it answer 401 to any other; it may be changed while it runs. ``round_trip``: seconds to it and
    back, which a new connection takes twice before its first byte is read.
    """

    def __init__(  # noqa: PLR0913 - every setting by name, each with a default
        self,
        *,
        tls: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        directory: Path | None = None,
        names: Sequence[str] = LOOPBACK,
        api_key: str | None = None,
        round_trip: float = 0,
    ) -> None:
        self.api_key = api_key
        self._handshakes = round_trip * (2 if tls else 1)
        self._tls = tls
        self._address = (host, port)
        self._directory = directory
        self._names = names
        self._changed = threading.Condition()  # guards the three below
        self._calls: list[ReceivedCall] = []
        self._script: deque[Directives] = deque()
        self._dialled = 0
        self._connections = 0

    def start(self) -> Self:
        """Listen and serve. Raises OSError when the address can't be had."""
        with ExitStack() as undo:
            self._context = None
            if self._tls:
                directory = self._directory or Path(undo.enter_context(tempfile.TemporaryDirectory()))
                authority = Authority(directory)
                self._ca_file = authority.file
                self._context = authority.server_context(self._names)
            host, port = self._address
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.create_server((host, port), family=family, backlog=1024)
            self._listener.setblocking(False)
            self._port = int(self._listener.getsockname()[1])
            ready = threading.Event()
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self._serve(ready)), name="simulated-provider", daemon=True
            )
            self._thread.start()
            ready.wait()
            self._undo = undo.pop_all()
        return self

    def close(self) -> None:
        """Drop every connection and stop."""
        self._from_outside(self._stop.set)
        self._thread.join()
        self._undo.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_raised: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """The base URL an OpenAI client takes."""
        host = {"": "localhost", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._address[0], self._address[0])  # noqa: S104 - translated, not bound
        return f"{'https' if self._tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    @property
    def ca_file(self) -> Path:
        """The PEM file that verifies it. Raises AttributeError without TLS."""
        return self._ca_file

    @property
    def dialled(self) -> int:
        """TCP connections accepted, also those that never got through the TLS handshake."""
        if self._thread.is_alive():
            # One turn of the loop: a connection that the kernel already holds counts.
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result()
        with self._changed:
            return self._dialled

    @property
    def calls(self) -> list[ReceivedCall]:
        """The whole requests that came, in order, as they stand now."""
        with self._changed:
            return list(self._calls)

    def wait_for_calls(self, count: int = 1, timeout: float = 30) -> list[ReceivedCall]:
        """The calls, as soon as there are ``count``. Raises TimeoutError after ``timeout`` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._calls) >= count, timeout):
                raise TimeoutError(f"{len(self._calls)} of {count} calls came in {timeout:g} s")
            return list(self._calls)

    def script(self, *lines: str) -> None:
        """Direct the next answers, one line of directives each (``""``: an ordinary answer).

        They go to the calls that have the right path and key, before what a body itself may say.

        Raises:
            DirectiveError: a line can't be followed; none is taken.
        """
        read = [directives.read(line) for line in lines]
        with self._changed:
            self._script += read

    def clear(self) -> None:
        """Forget the calls, the count of connections and what is left of the script."""
        self.dialled  # noqa: B018 - a connection underway belongs to what is forgotten
        with self._changed:
            self._calls.clear()
            self._script.clear()
            self._dialled = 0

    def _from_outside(self, action: Callable[[], None]) -> None:
        """Run on the provider's loop, from another thread; nothing once it has stopped."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(action)

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._conversations: set[asyncio.Task[None]] = set()
        stop_accepting = add_accept_handler(self._listener, self._accept)
        ready.set()
        await self._stop.wait()
        stop_accepting()
        self._listener.close()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    def _accept(self, connection: socket.socket, _address: object) -> None:
        with self._changed:
            self._dialled += 1
        self._connections += 1
        conversation = self._loop.create_task(self._converse(connection, self._connections))
        self._conversations.add(conversation)
        conversation.add_done_callback(self._conversations.discard)

    async def _converse(self, connection: socket.socket, number: int) -> None:
        with closing(connection):
            if self._handshakes:
                await asyncio.sleep(self._handshakes)
            if stream := self._stream(connection):
                await self._serve_all(Peer(stream), number)

    def _stream(self, connection: socket.socket) -> IOStream | None:
        """None: it is gone already."""
        try:
            if self._context is None:
                stream = IOStream(connection)
            else:
                wrapped = ssl_wrap_socket(connection, self._context, server_side=True, do_handshake_on_connect=False)
                stream = SSLIOStream(wrapped)
        except OSError:
            return None
        stream.set_nodelay(True)
        return stream

    async def _serve_all(self, peer: Peer, number: int) -> None:
        try:
            while request := await peer.request():
                await self._answer(peer, request, number)
                if not peer.next():
                    break
        except StreamClosedError:
            pass
        except Exception:  # noqa: BLE001 - it costs this connection alone, and is told
            _log.exception("a fault in the simulated provider")
        finally:
            peer.close()

    def _record(self, request: Request, connection: int) -> tuple[ReceivedCall, asyncio.Event]:
        released = asyncio.Event()
        release = partial(self._from_outside, released.set)
        call = ReceivedCall(request.method, request.target, request.headers, request.body, connection, release=release)
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()
        return call, released

    async def _answer(self, peer: Peer, request: Request, connection: int) -> None:
        call, released = self._record(request, connection)
        conversation = cast("asyncio.Task[None]", asyncio.current_task())

        def hung_up() -> None:
            call.hung_up.set()
            conversation.cancel()

        peer.on_close(hung_up)
        try:
            accepted = judge(request, self.api_key)
            if isinstance(accepted, Error):
                await fail(peer, accepted)
            else:
                await self._follow(peer, path_of(request), accepted, released)
        except StreamClosedError:
            call.hung_up.set()
            raise

    async def _follow(self, peer: Peer, path: str, body: Mapping[str, Any], released: asyncio.Event) -> None:
        played = SIMULATED_APIS[path]
        with self._changed:
            how = self._script.popleft() if self._script else None
        try:
            how = how or directives.read(played.asked(body))
        except DirectiveError as error:
            await fail(peer, Error(400, str(error), code="unknown_directive", param=played.place))
        else:
            await deliver(peer, played, body, how, released)
