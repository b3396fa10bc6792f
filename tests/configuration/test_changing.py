"""Which settings of callers and credentials change while the sidecar runs."""

from typing import Any

import pytest

from addons.configuration.changing import needing_restart
from addons.foundry.caller import SCOPE
from tests.conftest import SettingsMaker

TLS = {"tls": {"certificate": "/listener.crt", "key": "/listener.key"}}
CERTIFICATE = {"trusted_ca": "/callers.pem"}
JWT = {"issuer": "https://a.example", "audience": "sidecar", "jwks_url": "https://a.example/keys"}
IDENTITY = {"identity_provider_id": "wip_1", "service_account_id": "sa_1", "token_file": "/token"}

# what `caller` and a region's credential were, what they become, what of it needs a restart
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "another verifier": ({"verifier": "development"}, {"verifier": "jwt", "jwt": JWT}, []),
    "another issuer": ({"verifier": "jwt", "jwt": JWT}, {"verifier": "jwt", "jwt": [JWT, JWT | {"issuer": "b"}]}, []),
    "who holds what by certificate": (
        {"verifier": "certificate", "certificate": CERTIFICATE},
        {"verifier": "certificate", "certificate": CERTIFICATE | {"subjects": {"CN=app": {"scopes": [SCOPE]}}}},
        [],
    ),
    "another authority of callers": (
        {"verifier": "certificate", "certificate": CERTIFICATE},
        {"verifier": "certificate", "certificate": {"trusted_ca": "/others.pem"}},
        ["caller.certificate"],
    ),
    "certificates at all": (
        {"verifier": "jwt", "jwt": JWT},
        {"verifier": ["certificate", "jwt"], "jwt": JWT, "certificate": CERTIFICATE},
        ["caller.certificate"],
    ),
}


@pytest.mark.parametrize(("before", "after", "fixed"), CHANGES.values(), ids=CHANGES)
def test_callers(make_settings: SettingsMaker, before: dict[str, Any], after: dict[str, Any], fixed: list[str]) -> None:
    old, new = (make_settings(listen=TLS, caller=caller) for caller in (before, after))
    assert needing_restart(old, new) == fixed


def test_a_key_gives_way_to_an_identity_while_it_runs(make_settings: SettingsMaker) -> None:
    regions = ({"global": {"api_key": {"env": "KEY"}}}, {"global": {"identity": IDENTITY}})
    old, new = (make_settings(provider={"regions": region}) for region in regions)
    assert needing_restart(old, new) == []
