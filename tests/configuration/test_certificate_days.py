"""How long the certificates last that the settings name."""

import datetime as dt
from pathlib import Path

import pytest

from addons.configuration.certificate_days import days_to_expiry
from addons.simulator.certificates import Authority
from tests.conftest import SettingsMaker

SERVER = ("localhost",)


def leaf(authority: Authority, days: int) -> bytes:
    return authority.issue(SERVER, dt.timedelta(days=days))[0]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_chain_ends_with_its_first_and_a_bundle_with_its_last(
    make_settings: SettingsMaker, authority: Authority, tmp_path: Path
) -> None:
    several = leaf(authority, 20) + leaf(authority, 5) + leaf(authority, 2)
    (tmp_path / "several.pem").write_bytes(several)
    tls = {"certificate": tmp_path / "several.pem", "key": tmp_path / "key.pem"}
    settings = make_settings(listen={"tls": tls}, provider={"trusted_ca": tmp_path / "several.pem"})
    found = dict(days_to_expiry(settings))
    assert found.keys() == {"listen.tls.certificate", "provider.trusted_ca"}
    assert 1.9 < found["listen.tls.certificate"] < 2.1
    assert 19.9 < found["provider.trusted_ca"] < 20.1


@pytest.mark.parametrize("content", [b"", b"nonsense", None], ids=["empty", "nonsense", "missing"])
def test_a_file_that_can_not_be_read_is_left_out(
    make_settings: SettingsMaker, authority: Authority, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "wrong.pem").write_bytes(content)
    (tmp_path / "right.pem").write_bytes(leaf(authority, 9))
    tls = {"certificate": tmp_path / "right.pem", "key": tmp_path / "key.pem"}
    settings = make_settings(listen={"tls": tls}, provider={"trusted_ca": tmp_path / "wrong.pem"})
    assert dict(days_to_expiry(settings)).keys() == {"listen.tls.certificate"}


def test_authorities_of_several_issuers(make_settings: SettingsMaker, authority: Authority) -> None:
    issuers = [
        {"issuer": f"https://{name}.example", "audience": "a", "jwks_url": f"https://{name}.example/keys",
         "trusted_ca": authority.file}
        for name in ("one", "two")
    ]  # fmt: skip
    settings = make_settings(caller={"verifier": "jwt", "jwt": issuers})
    assert dict(days_to_expiry(settings)).keys() == {
        "provider.trusted_ca",
        "caller.jwt.0.trusted_ca",
        "caller.jwt.1.trusted_ca",
    }
