"""One request and its answer over real TLS: what the receiver is told, and whether the connection is kept."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from addons.exchange.upstream.connection import UpstreamConnection
from addons.exchange.upstream.failure import FailureKind, UpstreamFailure
from addons.exchange.upstream.pool import UpstreamPool
from addons.exchange.upstream.tls import TlsSession
from addons.simulator.certificates import LOOPBACK, Authority
from tests.exchange.upstream.counted import busy, idle
from tests.exchange.upstream.provider import Provider, Step, Told, destination, request, serving, until

type Connect = Callable[[], Awaitable[UpstreamConnection]]
type Test = Callable[[Provider, UpstreamPool, Connect], Coroutine[Any, Any, None]]

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HI = OK + b"Content-Length: 2\r\n\r\nhi"
END = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def authority(certificates: Path) -> Authority:
    return Authority(certificates / "upstream")


def play(authority: Authority, scripts: dict[str, Sequence[Step]], test: Test, **options: bool) -> None:
    """Afterwards nothing is open, at neither end."""

    async def run() -> None:
        faults: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context))
        pool = UpstreamPool(idle_seconds=60, most=3, wait_seconds=20)
        async with serving(Provider(scripts, **options), authority.server_context(LOOPBACK)) as provider:
            where = destination(provider.port, authority.file)
            async with asyncio.timeout(60):
                await test(provider, pool, lambda: pool.connect(where))
                assert busy(pool) == 0
                await pool.close()
                assert idle(pool) == 0
                await until(lambda: not provider.open)
        assert faults == []

    asyncio.run(run())


async def ask(connection: UpstreamConnection, target: str = "/", body: bytes = b"") -> Told:
    told = Told()
    connection.send(request(target, body), told)
    await told.over.wait()
    return told


BROKEN, CLOSED = FailureKind.BROKEN, FailureKind.CLOSED
ENDINGS = [
    # what the provider does, status, payload, how it failed, whether the connection is kept
    ([HI, "keep"], 200, b"hi", None, True, "by length"),
    ([CHUNKED, b"2\r\nhi\r\n", END, "keep"], 200, b"hi", None, True, "chunks"),
    ([b"HTTP/1.1 100 C\r\n\r\n", HI, "keep"], 200, b"hi", None, True, "an interim answer"),
    ([b"HTTP/1.1 204 No\r\n\r\n", "keep"], 204, b"", None, True, "204"),
    ([HI.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), "keep"], 200, b"hi", None, False, "it says close"),
    ([HI, "close"], 200, b"hi", None, False, "it closes"),
    ([HI, "cut"], 200, b"hi", None, False, "it ends without close_notify"),
    ([HI + b"!", "keep"], 200, b"hi", None, False, "a byte behind"),
    ([HI, b"!", "keep"], 200, b"hi", None, False, "a byte later"),
    ([HI + HI, "keep"], 200, b"hi", None, False, "two answers"),
    ([CHUNKED + END + b"\r\n", "keep"], 200, b"", None, False, "an empty line behind"),
    ([OK + b"\r\nhi", "close"], 200, b"hi", None, False, "ended by the connection"),
    ([OK + b"\r\nhi", "cut"], 200, b"hi", BROKEN, False, "ended by the connection, without close_notify"),
    ([OK + b"\r\nhi", "reset"], 200, b"hi", BROKEN, False, "ended by a reset"),
    ([HI[:-1], "close"], 200, b"h", BROKEN, False, "cut in a length"),
    ([CHUNKED + b"2\r\nhi\r\n", "close"], 200, b"hi", BROKEN, False, "cut between chunks"),
    ([CHUNKED + b"2\r\nhi\r\n", "reset"], 200, b"hi", BROKEN, False, "reset between chunks"),
    ([CHUNKED + b"2\r\nhi\r\nzz\r\n", "keep"], 200, b"hi", BROKEN, False, "a bad chunk"),
    ([OK + b"\r\nhi", "garble", "keep"], 200, b"hi", BROKEN, False, "a record nobody can decrypt"),
    (["garble", "keep"], None, b"", CLOSED, False, "a record nobody can decrypt, before the head"),
    (["close"], None, b"", CLOSED, False, "closed"),
    (["cut"], None, b"", CLOSED, False, "cut"),
    (["reset"], None, b"", CLOSED, False, "reset"),
    ([OK, "close"], None, b"", CLOSED, False, "closed within the head"),
    ([b"SSH-2.0-x\r\n", "keep"], None, b"", FailureKind.NOT_HTTP, False, "no HTTP"),
    ([b"HTTP/1.1 101 S\r\n\r\n", "keep"], None, b"", FailureKind.SWITCHED, False, "101"),
    ([OK + b"X: " + b"a" * 300_000, "keep"], None, b"", FailureKind.HEAD_TOO_LONG, False, "a head too long"),
]


@pytest.mark.parametrize(
    ("script", "status", "payload", "kind", "kept"), [pytest.param(*row[:-1], id=row[-1]) for row in ENDINGS]
)
def test_an_answer_ends(
    authority: Authority,
    script: list[Step],
    status: int | None,
    payload: bytes,
    kind: FailureKind | None,
    kept: bool,
) -> None:
    async def test(provider: Provider, pool: UpstreamPool, connect: Connect) -> None:
        told = await ask(await connect(), body=b"body")
        assert (told.status, told.payload, told.failure and told.failure.kind) == (status, payload, kind)
        assert told.failure is None or told.failure.written
        assert busy(pool) == 0
        if not kept:
            await until(lambda: not idle(pool))  # what came later is seen where it is idle
        assert (await ask(await connect(), "/whole")).payload == b"hi"
        assert provider.requests == [(1, "/"), (1 if kept else 2, "/whole")]

    play(authority, {"/": script, "/whole": [HI, "keep"]}, test)


def test_what_it_is_connected_to(authority: Authority) -> None:
    async def test(provider: Provider, _pool: UpstreamPool, connect: Connect) -> None:
        connection = await connect()
        below = connection._below
        assert below._transport.get_extra_info("peername") == ("127.0.0.1", provider.port)
        tls = below._session._object
        assert tls.version() == "TLSv1.3"
        cipher, *_ = tls.cipher() or ("none",)
        assert cipher.startswith("TLS_")
        connection.abort()

    play(authority, {}, test)


def test_an_answer_to_head(authority: Authority) -> None:
    async def test(provider: Provider, _pool: UpstreamPool, connect: Connect) -> None:
        told = Told()
        (await connect()).send([b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"], told, answer_has_body=False)
        await told.over.wait()
        assert (told.status, told.payload, told.failure) == (200, b"", None)
        assert (await ask(await connect(), "/whole")).payload == b"hi"
        assert provider.dialled == 1

    play(authority, {"/": [OK + b"Content-Length: 9\r\n\r\n", "keep"], "/whole": [HI, "keep"]}, test)


def test_all_that_comes_in_a_read_is_told_at_once(authority: Authority) -> None:
    async def test(_provider: Provider, _pool: UpstreamPool, connect: Connect) -> None:
        told = await ask(await connect())
        assert told.order == ["head", "data", "read", "ended"]
        assert told.payload == b"hi" * 100

    play(authority, {"/": [CHUNKED + b"2\r\nhi\r\n" * 100 + END, "keep"]}, test)


SIZE = 8_000_000


def test_a_large_body_goes_as_the_socket_takes_it(authority: Authority) -> None:
    async def test(provider: Provider, _pool: UpstreamPool, connect: Connect) -> None:
        connection, told = await connect(), Told()
        connection.send(request("/", b"x" * SIZE), told)
        below = connection._below
        assert 0 < below.unsent <= SIZE + 100
        await until(lambda: below.unsent == 0)
        await told.over.wait()
        assert told.payload == b"hi"
        await ask(await connect())
        assert provider.dialled == 1

    play(authority, {"/": [HI, "keep"]}, test)


@pytest.mark.parametrize("way", ["close", "keep", "reset"])
def test_an_answer_before_the_body_is_there(authority: Authority, way: Step) -> None:
    """It counts, and the connection, on which the rest of the body would come, is not used again."""

    async def test(provider: Provider, pool: UpstreamPool, connect: Connect) -> None:
        connection, told = await connect(), Told()
        connection.send(request("/", b"x" * 40_000_000), told)
        assert connection._below._transport.get_write_buffer_size() < 2**19  # the rest waits unencrypted
        await told.over.wait()
        assert (told.status, told.payload, told.failure) == (200, b"hi", None)
        assert (idle(pool), busy(pool)) == (0, 0)
        await ask(await connect(), "/whole")
        assert provider.dialled == 2
        provider.go.set()

    play(authority, {"/": [HI, "wait", way], "/whole": [HI, "keep"]}, test, body=False)


def test_reading_pauses_and_goes_on(authority: Authority) -> None:
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    async def test(_provider: Provider, _pool: UpstreamPool, connect: Connect) -> None:
        class Slow(Told):
            def data(self, payload: bytes) -> None:
                super().data(payload)
                connection.pause()
                asyncio.get_running_loop().call_later(0.002, connection.resume)

        connection, told = await connect(), Slow()
        connection.send(request("/"), told)
        await told.over.wait()
        assert len(told.payload) == 20 * 65536
        assert told.failure is None
        assert (await ask(await connect(), "/whole")).payload == b"hi"  # and it reads, whatever it was left as

    play(authority, {"/": [CHUNKED, *[piece] * 20, END, "keep"], "/whole": [HI, "keep"]}, test)


def test_nothing_is_told_while_reading_is_paused(authority: Authority) -> None:
    async def test(provider: Provider, _pool: UpstreamPool, connect: Connect) -> None:
        class Stopped(Told):
            def head(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
                super().head(status, headers)
                connection.pause()
                stopped.set()

        stopped = asyncio.Event()
        connection, told = await connect(), Stopped()
        connection.send(request("/"), told)
        await stopped.wait()
        provider.go.set()
        await asyncio.sleep(0.05)
        assert told.order == ["head", "read"]
        connection.resume()
        await told.over.wait()
        assert told.payload == b"hi"

    play(authority, {"/": [CHUNKED, "wait", b"2\r\nhi\r\n" + END, "keep"]}, test)


def test_a_connection_left_paused_reads_for_the_next_call(authority: Authority) -> None:
    async def test(provider: Provider, _pool: UpstreamPool, connect: Connect) -> None:
        class Stopped(Told):
            def data(self, payload: bytes) -> None:
                super().data(payload)
                connection.pause()

        connection, told = await connect(), Stopped()
        connection.send(request("/"), told)
        await told.over.wait()
        assert (await ask(await connect())).payload == b"hi"
        assert provider.dialled == 1

    play(authority, {"/": [HI, "keep"]}, test)


@pytest.mark.parametrize("moment", ["connected", "sent", "head", "data", "read", "ended", "later"])
def test_after_abort_nothing_is_told_and_the_connection_is_gone(authority: Authority, moment: str) -> None:
    async def test(provider: Provider, pool: UpstreamPool, connect: Connect) -> None:
        class Aborting(Told):
            def _note(self, what: str) -> None:
                assert not aborted.is_set()
                super()._note(what)
                if what == moment:
                    connection.abort()
                    aborted.set()

        aborted = asyncio.Event()
        connection, told = await connect(), Aborting()
        if moment != "connected":
            connection.send(request("/"), told)
        if moment in {"connected", "sent"}:
            connection.abort()
            aborted.set()
        if moment == "later":
            await told.over.wait()
            connection.abort()
            aborted.set()
        await aborted.wait()
        connection.abort()
        await asyncio.sleep(0.02)
        ended = moment in {"ended", "later"}
        assert (busy(pool), idle(pool)) == (0, int(ended))
        connection.pause()
        connection.resume()
        assert (await ask(await connect())).payload == b"hi"  # an abort when all was over harms nobody
        assert provider.dialled == (1 if ended else 2)

    play(authority, {"/": [HI, "keep"]}, test)


@pytest.mark.parametrize("moment", ["head", "data", "read", "ended"])
def test_a_receiver_that_fails_ends_its_connection_and_no_other(authority: Authority, moment: str) -> None:
    async def test(provider: Provider, pool: UpstreamPool, connect: Connect) -> None:
        class Failing(Told):
            def _note(self, what: str) -> None:
                if what == moment:
                    raise ZeroDivisionError
                self.order.append(what)
                if what == "ended":
                    self.over.set()

            def ended(self, failure: UpstreamFailure | None) -> None:
                self.failure = failure
                self._note("ended")

        caught: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: caught.append(context["exception"]))
        connection, told = await connect(), Failing()
        connection.send(request("/"), told)
        await until(lambda: not (busy(pool) or idle(pool) or not caught))
        assert [type(each) for each in caught] == [ZeroDivisionError]
        if moment != "ended":
            await told.over.wait()
            assert told.failure
            assert told.failure.kind is BROKEN
            assert "fault in the sidecar" in told.failure.detail
        assert (await ask(await connect())).payload == b"hi"
        assert provider.dialled == 2

    play(authority, {"/": [HI, "keep"]}, test)


@pytest.mark.parametrize("fault", [MemoryError, ssl.SSLError, asyncio.CancelledError])
@pytest.mark.parametrize("later", [False, True], ids=["at once", "once the socket has taken the rest"])
def test_a_fault_in_what_is_written_ends_the_connection(
    authority: Authority, later: bool, fault: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for an answer to half a request, and nothing of the pool stays taken."""
    encrypt = TlsSession.encrypt

    async def test(provider: Provider, pool: UpstreamPool, connect: Connect) -> None:
        caught: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: caught.append(context["exception"]))
        connection, told, sending = await connect(), Told(), True

        def failing(session: TlsSession, data: bytes | memoryview) -> bytes:
            if sending and later:
                return encrypt(session, data)
            raise fault

        with monkeypatch.context() as patch:
            patch.setattr(TlsSession, "encrypt", failing)
            if later:
                connection.send(request("/", b"x" * 40_000_000), told)
                sending = False
                await told.over.wait()
                assert told.failure
                assert (told.failure.kind, told.failure.written) == (CLOSED, True)
                assert told.failure.detail.endswith("a fault in the sidecar")
            else:
                with pytest.raises(fault):
                    connection.send(request("/"), told)
                assert told.order == []
        assert [type(each) for each in caught] == [fault] * later
        assert (busy(pool), idle(pool)) == (0, 0)
        assert (await ask(await connect(), "/whole")).payload == b"hi"
        assert provider.requests == [(2, "/whole")]

    play(authority, {"/whole": [HI, "keep"]}, test)


def test_what_was_lost_before_anything_was_sent_may_be_sent_again(authority: Authority) -> None:
    async def test(provider: Provider, pool: UpstreamPool, connect: Connect) -> None:
        await ask(await connect())
        connection = await connect()
        provider.go.set()
        await until(lambda: not busy(pool))
        told = Told()
        connection.send(request("/"), told)
        assert told.order == []  # told later, as always
        await told.over.wait()
        assert told.failure
        assert (told.failure.kind, told.failure.written) == (CLOSED, False)
        assert provider.requests == [(1, "/")]

    play(authority, {"/": [HI, "wait", "close"]}, test)


def test_what_was_lost_is_not_told_after_abort(authority: Authority) -> None:
    async def test(provider: Provider, pool: UpstreamPool, connect: Connect) -> None:
        await ask(await connect())
        connection, told = await connect(), Told()
        provider.go.set()
        await until(lambda: not busy(pool))
        connection.send(request("/"), told)
        connection.abort()
        await asyncio.sleep(0.01)
        assert told.order == []

    play(authority, {"/": [HI, "wait", "close"]}, test)


def test_bytes_before_the_request_end_the_connection(authority: Authority) -> None:
    """They would be taken for its answer."""

    async def test(provider: Provider, pool: UpstreamPool, connect: Connect) -> None:
        await ask(await connect())
        connection = await connect()
        provider.go.set()
        await until(lambda: not busy(pool))
        told = await ask(connection)
        assert told.status is None
        assert told.failure
        assert not told.failure.written

    play(authority, {"/": [HI, "wait", HI, "keep"]}, test)


def test_one_request_a_connection(authority: Authority) -> None:
    async def test(_provider: Provider, _pool: UpstreamPool, connect: Connect) -> None:
        connection = await connect()
        await ask(connection)
        with pytest.raises(AssertionError):
            connection.send(request("/"), Told())

    play(authority, {"/": [HI, "keep"]}, test)
