import contextlib
import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from addons.simulator import certificates
from addons.simulator.certificates import LOOPBACK, Authority


def shake(server: ssl.SSLContext, ca_file: Path, name: str) -> None:
    """A TLS handshake in memory, verified as strictly as Python's own clients do."""
    client_in, client_out, server_in, server_out = (ssl.MemoryBIO() for _ in range(4))
    context = ssl.create_default_context(cafile=str(ca_file))
    client = context.wrap_bio(client_in, client_out, server_hostname=name)
    peer = server.wrap_bio(server_in, server_out, server_side=True)
    for _ in range(3):
        for side in (client, peer):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
        server_in.write(client_out.read())
        client_in.write(server_out.read())
    assert client.version() is not None


@pytest.mark.parametrize("name", LOOPBACK)
def test_good_for_its_names(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    shake(authority.server_context(LOOPBACK), authority.file, name)


@pytest.mark.parametrize("name", ["example.com", "127.0.0.2"])
def test_good_for_no_other(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not valid for"):
        shake(authority.server_context(LOOPBACK), authority.file, name)


def test_another_authority_is_not_trusted(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(ours.server_context(LOOPBACK), other.file, "localhost")


def test_the_authority_stays_from_one_run_to_the_next(tmp_path: Path) -> None:
    first = Authority(tmp_path).file.read_bytes()
    again = Authority(tmp_path)
    assert again.file.read_bytes() == first
    shake(again.server_context(LOOPBACK), again.file, "localhost")


def test_an_authority_about_to_expire_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "_VALID", dt.timedelta(hours=1))
        first = Authority(tmp_path).file.read_bytes()
    renewed = Authority(tmp_path).file.read_bytes()
    assert renewed != first
    left = x509.load_pem_x509_certificate(renewed).not_valid_after_utc - dt.datetime.now(dt.UTC)
    assert left > dt.timedelta(days=2)


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    Authority(tmp_path).server_context(LOOPBACK)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {
        "ca.pem": "0o600",
        "ca-key.pem": "0o600",
    }
