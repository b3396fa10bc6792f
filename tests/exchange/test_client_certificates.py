"""Callers known by their certificates, through a real proxy."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from mitmproxy.connection import Client

from addons.exchange.client_certificates import ClientCertificates, _Proof
from addons.foundry.caller import SCOPE, token_hash
from addons.process.listener_certificate import lay_out
from addons.simulator.certificates import Authority
from addons.simulator.provider import SimulatedProvider
from addons.sources.fault import Fault
from addons.values.small_file import FileError
from tests.conftest import SettingsMaker
from tests.exchange.certificates import DAY, Signed, sign
from tests.proxy.client import TOKEN, Reply, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.sources.raised_alarms import Alarms, a_fault
from tests.waiting import LONGEST, eventually

ROOT = sign(name="root", authority=True)
BETWEEN = sign(ROOT, name="between", authority=True)
FOREIGN = sign(name="root", authority=True)  # of the same name
SPIFFE = "spiffe://acme.example/ns/apps/sa/app"

APP = sign(ROOT, uris=[SPIFFE])
GRANT = {"scopes": [SCOPE]}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client-certificates")
    certificate, key = Authority(folder).issue(["localhost", "127.0.0.1"])
    (folder / "listener.crt").write_bytes(certificate)
    (folder / "listener.key").write_bytes(key)
    (folder / "callers.pem").write_bytes(ROOT.pem)
    (folder / "tokens.yaml").write_text(f"- {{sha256: {token_hash(TOKEN)}, subject: a-token, scopes: [{SCOPE}]}}")
    return folder


def configured(files: Path, make_settings: SettingsMaker, verifier: Any = "certificate", **own: Any) -> Any:
    certificate = {"trusted_ca": files / "callers.pem", "subjects": {"spiffe://acme.example/ns/apps/*": GRANT}} | own
    settings = make_settings(
        listen={"tls": {"certificate": files / "listener.crt", "key": files / "listener.key"}},
        caller={"verifier": verifier, "certificate": certificate, "registry": {"file": files / "tokens.yaml"}},
    )
    lay_out(settings.listen)
    return settings


@pytest.fixture
def sidecar(files: Path, make_settings: SettingsMaker) -> Iterator[RunningSidecar]:
    """One for callers with a certificate alone."""
    with RunningSidecar(configured(files, make_settings)) as running:
        yield running


def trusting(files: Path, own: Signed | None = None, *chain: Signed) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=files / "ca.pem")
    if own:
        context.load_cert_chain(own.write(files / "own.pem", *chain))
    return context


@contextmanager
def connected(port: int, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", port), LONGEST) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as secured,
    ):
        yield secured


class Spoken(NamedTuple):
    reply: Reply
    version: str | None
    session: ssl.SSLSession | None
    resumed: bool | None


def spoken(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> Spoken:
    with (
        socket.create_connection(("127.0.0.1", port), 30) as connection,
        context.wrap_socket(connection, server_hostname="localhost", session=session) as secured,
    ):
        secured.sendall(request_bytes())
        return Spoken(read_reply(secured), secured.version(), secured.session, secured.session_reused)


def call(port: int, context: ssl.SSLContext) -> Reply:
    return spoken(port, context).reply


def subjects(records: Records) -> list[str | None]:
    return [record["caller"] for record in records.wait()]


@pytest.mark.parametrize(
    ("own", "chain"), [(APP, []), (sign(BETWEEN, uris=[SPIFFE]), [BETWEEN])], ids=["signed by the root", "by another"]
)
def test_a_caller_is_whom_its_certificate_names(
    sidecar: RunningSidecar,
    files: Path,
    records: Records,
    provider: SimulatedProvider,
    own: Signed,
    chain: list[Signed],
) -> None:
    assert call(sidecar.port, trusting(files, own, *chain)).status == 200
    assert subjects(records) == [SPIFFE]
    assert TOKEN not in repr([(seen.headers, seen.body) for seen in provider.calls])


BAD: dict[str, tuple[Signed | None, Sequence[Signed]]] = {
    "none": (None, []),
    "signed by itself": (sign(uris=[SPIFFE]), []),
    "of an authority of the same name": (sign(FOREIGN, uris=[SPIFFE]), [FOREIGN]),
    "over": (sign(ROOT, uris=[SPIFFE], valid=(-2 * DAY, -DAY)), []),
    "not yet valid": (sign(ROOT, uris=[SPIFFE], valid=(DAY, 2 * DAY)), []),
    "a server's": (sign(ROOT, uris=[SPIFFE], usage=ExtendedKeyUsageOID.SERVER_AUTH), []),
    "signed by a caller": (sign(APP, uris=[SPIFFE]), [APP]),
    "without the authority between": (sign(BETWEEN, uris=[SPIFFE]), []),
}


@pytest.mark.parametrize(("own", "chain"), BAD.values(), ids=BAD)
def test_a_certificate_that_proves_nothing_ends_the_handshake(
    sidecar: RunningSidecar, files: Path, provider: SimulatedProvider, own: Signed | None, chain: Sequence[Signed]
) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
        call(sidecar.port, trusting(files, own, *chain))
    assert provider.dialled == 0


def test_a_stolen_certificate_without_its_key(sidecar: RunningSidecar, files: Path) -> None:
    (files / "own.pem").write_bytes(sign().key_pem + APP.pem)
    context = trusting(files)
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        context.load_cert_chain(files / "own.pem")  # OpenSSL does not even let a caller try


@pytest.mark.parametrize(
    ("own", "code"),
    [
        (sign(ROOT, uris=["spiffe://acme.example/ns/apps"]), "missing_scope"),
        (sign(ROOT, uris=["spiffe://acme.example/ns/apps-2/sa/app"]), "missing_scope"),
        (sign(ROOT, uris=["spiffe://ACME.example/ns/apps/sa/app"]), "missing_scope"),
        (sign(ROOT, uris=["spiffe://acme.example/ns/apps/../admin"]), "missing_scope"),
        (sign(ROOT, uris=[SPIFFE, "https://other.example"]), "invalid_api_key"),
        (sign(ROOT, uris=[SPIFFE, SPIFFE + "2"]), "invalid_api_key"),
        (sign(ROOT, name=""), "invalid_api_key"),
        (sign(ROOT, name="app\nCN=admin"), "invalid_api_key"),
        (sign(ROOT, name="\u0430pp"), "invalid_api_key"),
    ],
    ids=[
        "the prefix itself",
        "no separator",
        "another case",
        "dots",
        "two uris",
        "two ids",
        "no name",
        "lines",
        "Cyrillic",
    ],
)
def test_a_verified_certificate_of_somebody_else(
    sidecar: RunningSidecar, files: Path, provider: SimulatedProvider, own: Signed, code: str
) -> None:
    reply = call(sidecar.port, trusting(files, own))
    assert reply.code == code
    assert provider.dialled == 0


def test_without_tls_nobody_is_known(sidecar: RunningSidecar) -> None:
    assert (post(sidecar.port).status, post(sidecar.port).code) == (401, "invalid_api_key")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_resumed(sidecar: RunningSidecar, files: Path, version: ssl.TLSVersion) -> None:
    """A resumed one shows no certificate, so it can't be had."""
    context = trusting(files, APP)
    context.minimum_version = context.maximum_version = version
    first = spoken(sidecar.port, context)
    again = spoken(sidecar.port, context, first.session)
    assert (again.reply.status, again.resumed) == (200, False)
    assert again.version == version.name.replace("_", ".")


def test_by_its_subject_where_it_has_no_spiffe_id(files: Path, make_settings: SettingsMaker, records: Records) -> None:
    with RunningSidecar(configured(files, make_settings, subjects={"CN=app,O=Acme": GRANT})) as running:
        reply = call(running.port, trusting(files, sign(ROOT)))
    assert reply.status == 200
    assert subjects(records) == ["CN=app,O=Acme"]


@pytest.mark.parametrize(
    ("own", "expected"), [(None, "a-token"), (APP, SPIFFE), (sign(ROOT, uris=["spiffe://b.example/x"]), None)]
)
def test_beside_tokens_the_certificate_decides_where_one_is_shown(
    files: Path, make_settings: SettingsMaker, records: Records, own: Signed | None, expected: str | None
) -> None:
    with RunningSidecar(configured(files, make_settings, ["certificate", "registry"])) as running:
        reply = call(running.port, trusting(files, own))
    assert reply.status == (200 if expected else 403)
    assert subjects(records) == [expected or "spiffe://b.example/x"]


def test_new_authorities_are_taken_over_and_bad_ones_are_not(
    files: Path, tmp_path: Path, make_settings: SettingsMaker
) -> None:
    callers = tmp_path / "callers.pem"
    callers.write_bytes(ROOT.pem)
    foreign = sign(FOREIGN, uris=[SPIFFE])
    with RunningSidecar(configured(files, make_settings, trusted_ca=callers)) as running:
        callers.write_bytes(b"nonsense")
        assert call(running.port, trusting(files, APP)).status == 200
        callers.write_bytes(FOREIGN.pem)
        assert call(running.port, trusting(files, foreign)).status == 200
        with pytest.raises(OSError):
            call(running.port, trusting(files, APP))


def ended(connection: socket.socket) -> bool:
    """Whether the other side ends it, and says nothing more."""
    return connection.recv(1) == b""


ANOTHER = sign(name="another", authority=True)
LET_GO = {
    "it has expired": lambda running, _: setattr(
        running.part("sidecar-client-certificates"), "_clock", lambda: time.time() + 400 * DAY.total_seconds()
    ),
    "its authority was taken out": lambda _, callers: callers.write_bytes(FOREIGN.pem),
    "another authority was taken out": lambda _, callers: callers.write_bytes(ROOT.pem),
}


@pytest.mark.parametrize("change", LET_GO.values(), ids=LET_GO)
def test_a_connection_outlives_its_proof_by_no_call(
    files: Path, tmp_path: Path, make_settings: SettingsMaker, provider: SimulatedProvider, change: Any
) -> None:
    callers = tmp_path / "callers.pem"
    callers.write_bytes(ROOT.pem + ANOTHER.pem)
    with (
        RunningSidecar(configured(files, make_settings, trusted_ca=callers)) as running,
        connected(running.port, trusting(files, APP)) as idle,
        connected(running.port, trusting(files, APP)) as busy,
    ):
        idle.sendall(request_bytes())
        assert read_reply(idle).status == 200
        provider.script("hold=1")
        busy.sendall(request_bytes())
        *_, held = provider.wait_for_calls(2)
        change(running, callers)
        assert ended(idle)
        held.release()
        assert read_reply(busy).status == 200, "who is being served is served to the end"
        assert ended(busy)


def test_which_proofs_end_at_a_look_and_what_is_kept_of_them(files: Path) -> None:
    now, closed, looked = 1_000_000.0, list[str](), asyncio.Event()

    def close(client: str) -> None:
        closed.append(client)
        looked.set()

    paths = (files / name for name in ("listener.crt", "listener.key", "callers.pem"))
    own = ClientCertificates(*paths, required=True, fault=a_fault(), close_after_call=close, clock=lambda: now)
    trusted = own._trust.trusted
    own._proofs = {
        "holds": _Proof(now + 1, trusted),
        "holds by one of two": _Proof(now + 1, frozenset()),
        "has expired": _Proof(now - 1, trusted),
        "expires now": _Proof(now, trusted),
        "rests on what was removed": _Proof(now + 1, trusted | {b"another"}),
    }

    async def look() -> None:
        own.running()
        await asyncio.wait_for(looked.wait(), LONGEST)
        own.done()

    asyncio.run(look())
    assert closed == ["has expired", "expires now", "rests on what was removed"]
    assert [*own._proofs] == ["holds", "holds by one of two"]
    gone = Client(peername=("192.0.2.1", 5), sockname=("127.0.0.1", 1), id="holds")
    own.client_disconnected(gone)
    own.client_disconnected(gone)
    assert [*own._proofs] == ["holds by one of two"]


class Looks:
    """A clock that knows how often it was looked at."""

    count = 0

    def __call__(self) -> float:
        self.count += 1
        return time.time()


@pytest.mark.parametrize("name", ["callers.pem", "listener.crt"])
def test_a_connection_stays_where_nothing_was_taken_out(
    files: Path, tmp_path: Path, make_settings: SettingsMaker, name: str
) -> None:
    """Another authority besides, or another certificate of the listener's own."""
    for each in ("callers.pem", "listener.crt", "listener.key", "ca.pem", "tokens.yaml"):
        (tmp_path / each).write_bytes((files / each).read_bytes())
    with (
        RunningSidecar(configured(tmp_path, make_settings)) as running,
        connected(running.port, trusting(files, APP)) as caller,
    ):
        part = running.part("sidecar-client-certificates")
        part._clock = looks = Looks()
        before = part._trust
        (tmp_path / name).write_bytes((files / name).read_bytes() + ANOTHER.pem)
        eventually(lambda: part._trust is not before)
        count = looks.count
        eventually(lambda: looks.count > count + 1)
        caller.sendall(request_bytes())
        assert read_reply(caller).status == 200


def test_a_certificate_that_openssl_will_not_show_changes_nothing(files: Path, tmp_path: Path) -> None:
    """Its key is too short, which shows in no reading of the file. The alarm stays until it is right."""
    alarms = Alarms()
    certificate, key = tmp_path / "listener.crt", tmp_path / "listener.key"
    certificate.write_bytes((files / "listener.crt").read_bytes())
    key.write_bytes((files / "listener.key").read_bytes())
    callers = files / "callers.pem"
    own = ClientCertificates(certificate, key, callers, required=True, fault=Fault("an_alarm", alarms))
    in_force = own._current()
    short = sign(name="localhost", key=generate_private_key(65537, 1024))
    certificate.write_bytes(short.pem)
    key.write_bytes(short.key_pem)
    assert own._current() is own._current() is in_force
    ((name, why),) = alarms.raised
    assert (name, why.startswith(f"{certificate}: its content can't be read")) == ("an_alarm", True)
    with pytest.raises(FileError, match="its content can't be read"):
        ClientCertificates(certificate, key, callers, required=True, fault=a_fault())
    certificate.write_bytes((files / "listener.crt").read_bytes())
    key.write_bytes((files / "listener.key").read_bytes())
    assert own._current() is not in_force


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("callers.pem", None, "can't be read: No such file"),
        ("callers.pem", b"", "holds no certificates in PEM"),
        ("callers.pem", APP.key_pem, "holds no certificates in PEM"),
        ("listener.crt", b"nonsense", "holds no certificates in PEM"),
        ("listener.key", APP.key_pem, "is not the private key"),
        ("listener.key", b"nonsense", "is not the private key"),
    ],
)
def test_a_bad_file_is_an_error_at_once(
    files: Path, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    for each in ("listener.crt", "listener.key", "callers.pem"):
        (tmp_path / each).write_bytes((files / each).read_bytes())
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=message) as caught:
        ClientCertificates(
            tmp_path / "listener.crt",
            tmp_path / "listener.key",
            tmp_path / "callers.pem",
            required=True,
            fault=a_fault(),
        )
    assert str(caught.value).startswith(str(tmp_path / name))
