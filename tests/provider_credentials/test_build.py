from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from addons.provider_credentials.build import Credentials, describe
from addons.provider_credentials.credential import StaticKey
from addons.provider_credentials.settings import IdentitySettings, RegionCredential
from addons.provider_credentials.workload_identity import WorkloadIdentity
from addons.simulator.certificates import Authority
from addons.values.secret import Secret
from tests.provider_credentials.endpoint import settings


def identity(folder: Path, **more: Any) -> IdentitySettings:
    return IdentitySettings.model_validate(settings(folder, "https://127.0.0.1:1", **more))


def test_each_kind(tmp_path: Path) -> None:
    Authority(tmp_path)
    assert isinstance(Credentials().of(Secret(env="KEY")), StaticKey)
    assert isinstance(Credentials().of(identity(tmp_path)), WorkloadIdentity)


def test_the_same_one_for_the_same_settings_however_often_they_are_read(tmp_path: Path) -> None:
    Authority(tmp_path)
    credentials = Credentials()
    first = credentials.of(identity(tmp_path))
    assert credentials.of(identity(tmp_path)) is first
    assert credentials.of(identity(tmp_path, service_account_id="sa_2")) is not first
    (tmp_path / "ca.pem").unlink()
    (tmp_path / "ca-key.pem").unlink()
    Authority(tmp_path)
    assert credentials.of(identity(tmp_path)) is not first, "another authority"


def test_one_that_nobody_has_any_more_is_forgotten(tmp_path: Path) -> None:
    """A trusted authority alone takes a megabyte, and a configuration may change a thousand times."""
    Authority(tmp_path)
    credentials = Credentials()
    for number in range(20):
        kept = credentials.of(identity(tmp_path, service_account_id=f"sa_{number}"))
    assert (isinstance(kept, WorkloadIdentity), len(credentials._made)) == (True, 1)


def test_what_is_in_force_is_told(tmp_path: Path) -> None:
    assert describe(Secret(env="KEY")) == "a static key, environment variable KEY"
    assert describe(Secret(file=Path("a/key"))) == "a static key, file a/key"
    assert describe(identity(tmp_path)) == (
        f"workload identity: {tmp_path}/token is exchanged at https://127.0.0.1:1/oauth/token"
        " for tokens of service account sa_1"
    )


GOOD = {"identity_provider_id": "wip_1", "service_account_id": "sa_1", "token_file": "token"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "write either api_key or identity"),
        ({"api_key": {"env": "KEY"}, "identity": GOOD}, "write either api_key or identity"),
        ({"identity": GOOD | {"url": "http://auth.example/token"}}, "plain http is allowed only to loopback"),
        ({"identity": GOOD | {"token_type": "saml"}}, "Input should be 'jwt' or 'id'"),
        ({"identity": GOOD | {"service_account_id": "a b"}}, "String should match pattern"),
        ({"identity": GOOD | {"service_account_id": ""}}, "String should match pattern"),
        ({"identity": GOOD | {"refresh_buffer_seconds": -1}}, "greater than or equal to 0"),
        ({"identity": {"token_file": "token"}}, "Field required"),
        ({"identity": GOOD | {"audience": "x"}}, "Extra inputs are not permitted"),
    ],
)
def test_wrong_settings(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RegionCredential.model_validate(given)
    assert message in str(caught.value)


def test_every_key_is_described() -> None:
    properties = IdentitySettings.model_json_schema()["properties"]
    assert [key for key, member in properties.items() if "description" not in member] == []
