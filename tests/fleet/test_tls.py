"""The shared ledger over TLS: the server is verified, by the authority and the name that the URL gives."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.simulator.certificates import Authority
from addons.usage.shared_ledger import SharedLedger, SharedLedgerError
from tests.usage.postgres import Postgres, debian, serving

pytestmark = pytest.mark.fleet

TLS = ("ssl=on", "ssl_cert_file=server.pem", "ssl_key_file=server.key")
RULES = b"host all owner 127.0.0.1/32 trust\nhostssl all sidecar 127.0.0.1/32 trust\n"
VERIFIED = "sslmode=verify-full&sslrootcert="


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Postgres]:
    """Takes the sidecar's role over TLS alone."""
    found = debian()
    assert found, "no PostgreSQL that knows TLS: apt install postgresql"
    with serving(found) as server:
        for name, content in zip(("server.pem", "server.key"), authority.issue(["localhost"]), strict=True):
            server.put(name, content)
        server.put("pg_hba.conf", RULES)
        server.stop()
        server.start(*TLS)
        server.ask("CREATE ROLE sidecar LOGIN")
        server.ask("GRANT CREATE ON DATABASE postgres TO sidecar")
        yield server


def written(url: str) -> str | None:
    """Why a row was not written."""

    async def main() -> str | None:
        ledger = SharedLedger(url, deadline=10.0)
        try:
            await ledger.write([{"id": str(time.monotonic_ns()), "opened_at": time.time(), "state": "closed"}])
        except SharedLedgerError as error:
            return str(error)
        finally:
            await ledger.close()
        return None

    return asyncio.run(main())


def url(server: Postgres, host: str, query: str) -> str:
    return f"postgresql://sidecar@{host}:{server.port}/postgres{'?' + query if query else ''}"


def test_a_verified_server_takes_rows_over_tls(server: Postgres, authority: Authority) -> None:
    assert written(url(server, "localhost", f"{VERIFIED}{authority.file}")) is None
    assert server.ask("SELECT count(*) > 0 FROM foundry_usage.call") == [(True,)]


CASES: dict[str, tuple[str, str]] = {
    "for another name": ("127.0.0.1", f"{VERIFIED}AUTHORITY"),
    "of an authority that sslrootcert does not hold": ("localhost", f"{VERIFIED}ANOTHER"),
    "an authority that sslrootcert": ("localhost", "sslmode=verify-full"),  # the system's
    "not there or can't be read": ("localhost", f"{VERIFIED}/none.pem"),
    "is TLS required?": ("127.0.0.1", ""),
}


@pytest.mark.parametrize("says", CASES)
def test_another_server_is_told_nothing(server: Postgres, authority: Authority, tmp_path: Path, says: str) -> None:
    host, query = CASES[says]
    query = query.replace("AUTHORITY", str(authority.file)).replace("ANOTHER", str(Authority(tmp_path).file))
    server.ask("DROP SCHEMA IF EXISTS foundry_usage CASCADE")
    assert says in (written(url(server, host, query)) or "")
    assert server.ask("SELECT to_regclass('foundry_usage.call')") == [(None,)]


def test_libpq_s_own_files_are_not_read(
    server: Postgres,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A root.crl, a root.crt and a password file in the home of whoever runs it."""
    own = tmp_path / ".postgresql"
    own.mkdir()
    for name in ("root.crl", "root.crt", "postgresql.crt", "postgresql.key"):
        (own / name).write_text("nonsense")
    (tmp_path / ".pgpass").write_text("*:*:*:*:hunter2")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert written(url(server, "localhost", f"{VERIFIED}{authority.file}")) is None
    assert capfd.readouterr().err == ""
