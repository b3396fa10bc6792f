"""New connections: what is verified, what stands in the way, and that nothing is left of one that was given up."""

import asyncio
import datetime as dt
import gc
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NoReturn

import pytest

from addons.exchange.upstream.destination import Destination, EgressProxy, Trust
from addons.exchange.upstream.failure import FailureKind, UpstreamFailure
from addons.exchange.upstream.keep_alive import KEEP_ALIVE
from addons.exchange.upstream.pool import UpstreamPool
from addons.simulator.certificates import LOOPBACK, Authority
from addons.values.small_file import FileError
from tests.exchange.upstream.cancelling import When, cancelled_at
from tests.exchange.upstream.counted import busy, idle
from tests.exchange.upstream.provider import Listening, Provider, Told, destination, request, serving, until

HI: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
KEY: Final = b"sk-key-of-the-provider"


@pytest.fixture(scope="module")
def authority(certificates: Path) -> Authority:
    return Authority(certificates / "upstream")


@pytest.fixture(scope="module")
def stranger(certificates: Path) -> Authority:
    return Authority(certificates / "stranger")


async def ask(pool: UpstreamPool, where: Destination) -> Told:
    told = Told()
    (await pool.connect(where)).send(request("/"), told)
    await told.over.wait()
    return told


def new_pool() -> UpstreamPool:
    return UpstreamPool(idle_seconds=60, most=2, wait_seconds=20)


# -- TLS


def old_tls(authority: Authority) -> ssl.SSLContext:
    context = authority.server_context(LOOPBACK)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


UNVERIFIED: Final[dict[str, tuple[Callable[[Authority, Authority], ssl.SSLContext | None], str]]] = {
    "another name": (lambda known, _: known.server_context(["elsewhere.example"]), "Hostname mismatch"),
    "expired": (lambda known, _: known.server_context(LOOPBACK, dt.timedelta(hours=-1)), "certificate has expired"),
    "an unknown authority": (lambda _, other: other.server_context(LOOPBACK), "unable to get local issuer"),
    "no TLS": (lambda _known, _other: None, "TLS"),
    "TLS 1.1": (lambda known, _: old_tls(known), "TLS"),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("name", UNVERIFIED)
def test_a_server_that_is_not_verified_is_told_nothing(authority: Authority, stranger: Authority, name: str) -> None:
    context, detail = UNVERIFIED[name]

    async def run() -> None:
        pool = new_pool()
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's own
        async with serving(Provider({"/": [HI, "keep"]}), context(authority, stranger)) as provider:
            if name == "no TLS":
                provider.greeting = HI
            with pytest.raises(UpstreamFailure, match=detail) as raised:
                await ask(pool, destination(provider.port, authority.file))
            assert (raised.value.kind, raised.value.written) == (FailureKind.UNREACHABLE, False)
            assert provider.requests == []
            assert (idle(pool), busy(pool)) == (0, 0)
            await until(lambda: not provider.open)

    asyncio.run(run())


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_verified_server_is_asked(authority: Authority, name: str, version: ssl.TLSVersion) -> None:
    async def run() -> None:
        pool = new_pool()
        context = authority.server_context(LOOPBACK)
        context.maximum_version = version
        context.set_alpn_protocols(["h2", "http/1.1"])
        async with serving(Provider({"/": [HI, "keep"]}), context) as provider:
            assert (await ask(pool, destination(provider.port, authority.file, name=name))).payload == b"hi"
            await pool.close()

    asyncio.run(run())


def test_an_authority_need_not_be_strict(authority: Authority) -> None:
    """Python's own default would refuse those of some networks with TLS inspection."""
    context = Trust.load(authority.file).context
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_trust_is_equal_by_content(authority: Authority, stranger: Authority, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pem"
    copy.write_bytes(authority.file.read_bytes())
    assert Trust.load(authority.file) == Trust.load(copy)
    assert hash(Trust.load(authority.file)) == hash(Trust.load(copy))
    assert Trust.load(authority.file) != Trust.load(stranger.file)
    assert Trust.load(None) == Trust.load(None) != Trust.load(copy)


def test_comments_of_a_bundle_may_hold_any_bytes(authority: Authority, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes("# Autorité é\n".encode() + b"\xff\n" + authority.file.read_bytes())
    assert Trust.load(bundle).context.cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize("content", [b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_that_holds_no_certificates_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"ca\.pem is not a PEM bundle of certificates"):
        Trust.load(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"ca\.pem"):
        Trust.load(tmp_path / "ca.pem")


# -- TCP


@pytest.fixture
def refusing() -> Iterator[int]:
    """A port that is taken, so that nobody else gets it, and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


NOWHERE = [
    ("127.0.0.1", "TCP: Connection refused", "refused"),
    ("nowhere.invalid", "DNS: Name or service not known|DNS: Temporary failure", "an unknown name"),
    ("a" * 64 + ".example", "DNS: no valid name", "a label too long"),
]


@pytest.mark.parametrize(("host", "detail"), [pytest.param(*row[:-1], id=row[-1]) for row in NOWHERE])
def test_nobody_is_reached(authority: Authority, refusing: int, host: str, detail: str) -> None:
    async def run() -> None:
        pool = new_pool()
        where = Destination("global", (host, refusing), "localhost", Trust.load(authority.file))
        with pytest.raises(UpstreamFailure, match=detail) as raised:
            await pool.connect(where)
        assert (raised.value.kind, raised.value.written) == (FailureKind.UNREACHABLE, False)
        assert (idle(pool), busy(pool)) == (0, 0)

    asyncio.run(run())


@pytest.mark.parametrize("name", ["", ".localhost", "a" * 64 + ".example"])
def test_a_name_that_no_certificate_can_bear(authority: Authority, name: str) -> None:
    async def run() -> None:
        pool = new_pool()
        async with serving(Provider({}), authority.server_context(LOOPBACK)) as provider:
            with pytest.raises(UpstreamFailure, match="TLS: no valid server name") as raised:
                await pool.connect(destination(provider.port, authority.file, name=name))
            assert raised.value.kind is FailureKind.UNREACHABLE

    asyncio.run(run())


def test_all_of_a_names_addresses_are_tried(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        pool = new_pool()
        async with serving(Provider({"/": [HI, "keep"]}), authority.server_context(LOOPBACK)) as provider:

            async def two(*_given: object) -> list[tuple[object, ...]]:
                tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
                return [(*tcp, ("127.0.0.1", 1)), (*tcp, ("127.0.0.1", provider.port))]

            monkeypatch.setattr("addons.exchange.upstream.dial.look_up", two)
            where = Destination("global", ("two.example", 443), "localhost", Trust.load(authority.file))
            assert (await ask(pool, where)).payload == b"hi"
            await pool.close()

    asyncio.run(run())


def test_the_kernel_asks_a_silent_peer_and_sends_at_once(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, int, int]] = []
    stock = socket.socket.setsockopt

    def watched(own: socket.socket, *given: int) -> None:
        made.append(given)  # type: ignore[arg-type]  # level, option and value
        stock(own, *given)

    monkeypatch.setattr("socket.socket.setsockopt", watched)

    async def run() -> None:
        pool = new_pool()
        async with serving(Provider({}), authority.server_context(LOOPBACK)) as provider:
            (await pool.connect(destination(provider.port, authority.file))).abort()
            await pool.close()

    asyncio.run(run())
    options = {(level, getattr(socket, name), value) for level, name, value in KEEP_ALIVE if hasattr(socket, name)}
    assert options | {(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)} <= set(made)


# -- the egress proxy


TUNNEL: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
CUT: Final = TUNNEL[:-1]


class Proxy(Listening):
    """Answers CONNECT with ``answer``, and carries bytes to ``to`` where that is a good one.

    ``head``: what was asked of it. ``carried``: what it carried there.
    """

    def __init__(self, answer: bytes, to: int) -> None:
        super().__init__()
        self.answer = answer
        self.head = b""
        self.carried = b""
        self._to = to

    async def converse(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        if not self.answer.endswith(b"\r\n\r\n"):
            if self.answer != CUT:
                await reader.read()
            writer.close()
            await writer.wait_closed()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(inner_reader, writer, keep=False))
                both.create_task(self._carry(reader, inner_writer, keep=True))
        except* OSError:
            pass  # either side was given up
        finally:
            inner_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool) -> None:
        while data := await reader.read(65536):
            if keep:
                self.carried += data
            writer.write(data)
        writer.close()


def through_proxy(authority: Authority, answer: bytes, *, host: str = "127.0.0.1") -> tuple[Proxy, Provider, Told]:
    async def run() -> tuple[Proxy, Provider, Told]:
        pool, told = new_pool(), Told()
        async with AsyncExitStack() as stack, asyncio.timeout(30):
            provider = Provider({"/": [HI, "keep"]})
            await stack.enter_async_context(serving(provider, authority.server_context(LOOPBACK)))
            proxy = await stack.enter_async_context(serving(Proxy(answer, provider.port), None))
            egress = EgressProxy("127.0.0.1", proxy.port, b"Basic dXNlcjpwYXNzd29yZA==")
            where = Destination("global", (host, provider.port), "localhost", Trust.load(authority.file), egress)
            try:
                connection = await pool.connect(where)
                assert connection._below._transport.get_extra_info("peername") == ("127.0.0.1", proxy.port)
                connection.send([b"POST / HTTP/1.1\r\nAuthorization: Bearer " + KEY + b"\r\n\r\n"], told)
                await told.over.wait()
            except UpstreamFailure as failure:
                told.failure = failure
            await pool.close()
            assert (idle(pool), busy(pool)) == (0, 0)
            await until(lambda: not proxy.open)
        return proxy, provider, told

    return asyncio.run(run())


@pytest.mark.parametrize("answer", [TUNNEL, b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 100 C\r\n\r\n" + TUNNEL])
def test_a_proxy_carries_what_it_cannot_read(authority: Authority, answer: bytes) -> None:
    proxy, provider, told = through_proxy(authority, answer)
    assert told.payload == b"hi"
    where = b"127.0.0.1:%d" % provider.port
    assert proxy.head == (
        b"CONNECT " + where + b" HTTP/1.1\r\nHost: " + where + b"\r\n"
        b"Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n\r\n"
    )
    assert len(proxy.carried) > 500
    assert KEY not in proxy.carried
    assert b"dXNl" not in proxy.carried


def test_an_ipv6_address_is_written_in_brackets(authority: Authority) -> None:
    proxy, provider, told = through_proxy(authority, TUNNEL, host="2001:db8::1")
    assert told.payload == b"hi"
    assert proxy.head.startswith(b"CONNECT [2001:db8::1]:%d HTTP/1.1\r\n" % provider.port)


BAD_PROXIES = [
    (b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 3\r\n\r\nno!", "answered 407", "407"),
    (b"HTTP/1.1 403 No\r\n\r\nx", "answered 403", "403"),
    (b"HTTP/1.1 502 Bad\r\n\r\nx", "answered 502", "502"),
    (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\nx", "answered 302", "a redirect"),
    (TUNNEL + b"\x16", "bytes behind", "bytes behind its 200"),
    (TUNNEL + TUNNEL + b"x", "bytes behind", "two answers"),
    (b"\x15\x03\x01 this is TLS", "no HTTP", "no HTTP"),
    (b"HTTP/1.1 101 S\r\n\r\nx", "switched", "101"),
    (CUT, "closed the connection", "it closes within its head"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000, "more than", "a head without end"),
]


@pytest.mark.parametrize(("answer", "detail"), [pytest.param(*row[:-1], id=row[-1]) for row in BAD_PROXIES])
def test_a_proxy_that_opens_no_tunnel(authority: Authority, answer: bytes, detail: str) -> None:
    proxy, provider, told = through_proxy(authority, answer)
    assert told.failure
    assert (told.failure.kind, told.failure.written) == (FailureKind.UNREACHABLE, False)
    assert detail in told.failure.detail
    assert "proxy" in told.failure.detail
    assert provider.dialled == 0
    assert proxy.carried == b""


def test_a_password_is_shown_by_nothing() -> None:
    proxy = EgressProxy("proxy.example", 3128, b"Basic s3cr3t")
    where = Destination("global", ("api.example", 443), "api.example", Trust.load(None), proxy)
    assert "s3cr3t" not in f"{proxy} {proxy!r} {where} {where!r}"
    assert proxy != EgressProxy("proxy.example", 3128, b"Basic other")


# -- given up


@pytest.mark.parametrize("when", ["waiting", "woken"])
@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "by proxy"])
@pytest.mark.parametrize("by_name", [False, True], ids=["address", "name"])
def test_nothing_is_left_of_a_connection_that_is_given_up_at_any_await(
    authority: Authority, when: When, proxied: bool, by_name: bool
) -> None:
    async def run() -> int:
        pool = UpstreamPool(idle_seconds=60, most=1, wait_seconds=20)
        async with AsyncExitStack() as stack, asyncio.timeout(60):
            provider = Provider({"/": [HI, "keep"]})
            await stack.enter_async_context(serving(provider, authority.server_context(LOOPBACK)))
            proxy = await stack.enter_async_context(serving(Proxy(TUNNEL, provider.port), None))
            egress = EgressProxy("127.0.0.1", proxy.port) if proxied else None
            host = "localhost" if by_name else "127.0.0.1"
            where = Destination("global", (host, provider.port), "localhost", Trust.load(authority.file), egress)
            for number in range(1, 50):
                task = asyncio.ensure_future(cancelled_at(pool.connect(where), number, when))
                try:
                    connection = await task
                except asyncio.CancelledError:
                    pass
                else:
                    connection.abort()
                    break
                assert (idle(pool), busy(pool)) == (0, 0)
            await asyncio.sleep(0)
            assert (await ask(pool, where)).payload == b"hi"
            await pool.close()
            await until(lambda: not (provider.open or proxy.open))
            return number

    awaits = asyncio.run(run())
    gc.collect()  # a socket that was left would warn
    assert awaits > (4 if proxied else 3)


def test_without_a_descriptor_nothing_is_reached(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call ends as one that could not be sent, and not as a fault."""

    def none_left(*_: object) -> NoReturn:
        raise OSError(24, "Too many open files")

    async def main() -> None:
        monkeypatch.setattr("addons.exchange.upstream.dial.socket.socket", none_left)
        where = Destination("global", ("127.0.0.1", 9), "127.0.0.1", Trust.load(authority.file))
        with pytest.raises(UpstreamFailure, match="Too many open files") as failed:
            await new_pool().connect(where)
        assert failed.value.kind is FailureKind.UNREACHABLE
        monkeypatch.undo()

    asyncio.run(main())
