import asyncio
import datetime as dt
import gzip
import ipaddress
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tornado.httputil import HTTPServerRequest

from addons.sources.http_client import MOST_UNDER_WAY, ExchangeError, HttpClient
from addons.values.small_file import FileError
from tests.verifiers.refusals import run
from tests.verifiers.servers import NOBODY, Reply, always, serving
from tests.verifiers.tokens import P256
from tests.waiting import LONGEST

MEBIBYTE = 1 << 20


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"{}"), (200, b""), (401, b"no"), (404, b""), (500, b"oops"), (200, b"a" * MEBIBYTE)],
    ids=lambda value: str(value)[:9],
)  # fmt: skip
def test_answers_of_any_status(status: int, body: bytes) -> None:
    async def main() -> None:
        async with serving(always(status, body)) as served:
            assert await HttpClient(5).fetch(f"{served.url}/path?q=1", {"X-Own": "1"}) == (status, body)
            (request,) = served.requests
            assert (request.method, request.uri, request.headers["X-Own"]) == ("GET", "/path?q=1", "1")
            assert request.headers["User-Agent"] == "foundry-sidecar"
            assert "Accept-Encoding" not in request.headers

    run(main())


@pytest.mark.parametrize("body", [b"", b'{"a": 1}', b"a=%2B"])
def test_a_body_is_posted_as_it_is(body: bytes) -> None:
    async def main() -> None:
        async with serving(always(200, "")) as served:
            await HttpClient(5).fetch(served.url, {"Content-Type": "application/json"}, body)
            (request,) = served.requests
            assert (request.method, request.body) == ("POST", body)
            assert request.headers.get_list("Content-Type") == ["application/json"]

    run(main())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    async def main() -> None:
        async with (
            serving(always(200, "")) as elsewhere,
            serving(always(status, "", {"Location": elsewhere.url})) as served,
        ):
            assert (await HttpClient(5).fetch(served.url, {"Authorization": "Bearer t"})).status == status
            assert elsewhere.requests == []

    run(main())


def test_proxies_in_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, NOBODY)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    async def main() -> None:
        async with serving(always(200, "direct")) as served:
            assert (await HttpClient(5).fetch(served.url, {})).body == b"direct"

    run(main())


async def never(_: HTTPServerRequest) -> Reply:
    await asyncio.Event().wait()
    return 200, ""


@pytest.mark.parametrize(
    "answer",
    [never, always(200, b"a" * (MEBIBYTE + 1)), always(200, "", {"X-Long": "a" * (64 << 10)})],
    ids=["silence", "large body", "large headers"],
)
def test_no_whole_answer(answer: Any) -> None:
    async def main() -> None:
        async with serving(answer) as served:
            with pytest.raises(ExchangeError):
                await HttpClient(0.3).fetch(served.url, {"Authorization": "Bearer secret-token"})

    run(main())


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\x00\x01\x02",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n" + b"a" * 0x200000 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * (MEBIBYTE + 1),
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3000 + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["nothing", "noise", "cut short", "bad length", "bad chunk", "large chunk", "unbounded", "not HTTP", "interim"],
)
def test_a_peer_that_breaks_the_protocol(sent: bytes) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(peer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ExchangeError):
                await HttpClient(5).fetch(f"http://127.0.0.1:{port}", {})

    run(main())


@pytest.mark.parametrize("url", [NOBODY, "http://no-such-host.invalid", "http://" + "a" * 64 + ".invalid"])
def test_nobody_there(url: str) -> None:
    with pytest.raises(ExchangeError):
        run(HttpClient(5).fetch(url, {}))


def test_of_many_requests_a_bounded_number_is_under_way() -> None:
    """A caller that hung up leaves its request behind."""

    async def main() -> None:
        over = asyncio.Event()

        async def late(_: HTTPServerRequest) -> Reply:
            await over.wait()
            return 200, "late"

        async with serving(late) as served:
            client = HttpClient(LONGEST)
            first = [asyncio.create_task(client.fetch(served.url, {})) for _ in range(MOST_UNDER_WAY)]
            await asyncio.sleep(0)
            with pytest.raises(ExchangeError, match="under way or wait"):
                await client.fetch(served.url, {})
            first.pop().cancel()
            await asyncio.sleep(0)
            first.append(asyncio.create_task(client.fetch(served.url, {})))
            over.set()
            assert {each.body for each in await asyncio.gather(*first)} == {b"late"}
            assert (await client.fetch(served.url, {})).status == 200

    run(main())


def test_a_compressed_answer_stays_as_it_came() -> None:
    bomb = gzip.compress(b"a" * (8 * MEBIBYTE))

    async def main() -> None:
        async with serving(always(200, bomb, {"Content-Encoding": "gzip"})) as served:
            assert (await HttpClient(5).fetch(served.url, {})).body == bomb

    run(main())


def test_names_are_resolved_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, threads = socket.getaddrinfo, []

    def watched(*args: Any, **kwargs: Any) -> Any:
        threads.append(threading.current_thread())
        return resolve(*args, **kwargs)

    async def main() -> None:
        async with serving(always(200, "")) as served:
            monkeypatch.setattr(socket, "getaddrinfo", watched)
            await HttpClient(5).fetch(served.url.replace("127.0.0.1", "localhost"), {})

    run(main())
    assert threads
    assert threading.main_thread() not in threads


def test_one_client_serves_one_loop_after_another() -> None:
    client = HttpClient(5)

    async def main() -> None:
        async with serving(always(200, "")) as served:
            many = [client.fetch(served.url, {}) for _ in range(40)]  # more than it sends at once
            assert {answer.status for answer in await asyncio.gather(*many)} == {200}

    run(main())
    run(main())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, and its key, in one file."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer.example")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, P256.public_key(), 7, now, now + dt.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
    )
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    certificate = builder.sign(P256, hashes.SHA256()).public_bytes(Encoding.PEM)
    path.write_bytes(certificate + P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.mark.parametrize(
    ("host", "trusted", "reached"),
    [("127.0.0.1", True, True), ("127.0.0.1", False, False), ("localhost", True, False)],
    ids=["trusted", "unknown authority", "another name"],
)
def test_certificates_are_verified(authority: Path, host: str, trusted: bool, reached: bool) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(authority)

    async def main() -> None:
        async with serving(always(200, "hello"), tls) as served:
            fetch = HttpClient(5, authority if trusted else None).fetch(served.url.replace("127.0.0.1", host), {})
            if reached:
                assert (await fetch).body == b"hello"
            else:
                with pytest.raises(ExchangeError):
                    await fetch
                assert served.requests == []

    run(main())


@pytest.mark.parametrize("content", [None, b"", b"not PEM"], ids=["absent", "empty", "not PEM"])
def test_a_bad_authority_file_is_an_error_at_once(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        HttpClient(5, path)
    assert str(caught.value).startswith(f"{path}: ")
