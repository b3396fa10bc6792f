"""Which models and projects a caller may use: from the registry, and from a signed token's claims."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from addons.foundry.caller import SCOPE, token_hash
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.proxy.client import HELLO, TOKEN, post
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.verifiers import tokens

OTHER = "ri.language-model-service..language-model.gpt-5"
HERE, THERE = "ri.compass.main.folder.here", "ri.compass.main.folder.there"

CASES: list[tuple[dict[str, Any], str | None, str | None]] = [
    # what the caller holds; the attribution it names; the rule that refuses
    ({}, None, None),
    ({}, f"{HERE}, {THERE}", None),
    ({"models": [MODEL]}, None, None),
    ({"models": [MODEL, OTHER]}, HERE, None),
    ({"models": [MODEL], "projects": [HERE, THERE]}, f"{HERE},{THERE}", None),
    ({"projects": [HERE]}, None, None),
    ({"models": [OTHER]}, None, "MODEL_PERMISSION"),
    ({"models": []}, None, "MODEL_PERMISSION"),
    ({"models": [OTHER], "projects": [HERE]}, THERE, "MODEL_PERMISSION"),
    ({"projects": [HERE]}, THERE, "PROJECT_PERMISSION"),
    ({"projects": [HERE]}, f"{HERE}, {THERE}", "PROJECT_PERMISSION"),
    ({"projects": []}, HERE, "PROJECT_PERMISSION"),
]
MAY_ALL = {"models": [MODEL, OTHER], "projects": [HERE, THERE]}


def call(
    settings: Any, token: str, attribution: str | None, rule: str | None, provider: SimulatedProvider, records: Records
) -> None:
    headers = [("Authorization", f"Bearer {token}")] + ([("attribution", attribution)] if attribution else [])
    with RunningSidecar(settings) as sidecar:
        reply = post(sidecar.port, HELLO, headers=headers)
    (record,) = records.wait()
    assert record["caller"] == "alice"
    assert record.get("policy.rule") == rule
    if rule is None:
        assert (reply.status, len(provider.calls)) == (200, 1)
        return
    assert (reply.status, reply.code) == (403, "model_permission_denied")
    assert reply.json["errorName"] == "LanguageModelPermissionDenied"
    assert reply.json["parameters"] == {"languageModelRid": MODEL}
    assert (provider.dialled, provider.calls) == (0, [])


@pytest.mark.parametrize(("held", "attribution", "rule"), CASES)
def test_by_the_registry(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    tmp_path: Path,
    held: dict[str, Any],
    attribution: str | None,
    rule: str | None,
) -> None:
    rows = [
        {"sha256": token_hash(TOKEN), "subject": "alice", "scopes": [SCOPE], **held},
        {"sha256": token_hash("another"), "subject": "bob", "scopes": [SCOPE], **MAY_ALL},
    ]
    with (tmp_path / "tokens.yaml").open("w") as file:
        YAML(typ="safe").dump(rows, file)
    settings = make_settings(caller={"verifier": "registry", "registry": {"file": tmp_path / "tokens.yaml"}})
    call(settings, TOKEN, attribution, rule, provider, records)


@pytest.mark.parametrize(
    ("held", "attribution", "rule"),
    [
        (MAY_ALL, f"{HERE}, {THERE}", None),
        ({"models": [MODEL], "projects": []}, None, None),
        ({"models": [OTHER], "projects": [HERE]}, HERE, "MODEL_PERMISSION"),
        ({"models": [MODEL], "projects": [HERE]}, THERE, "PROJECT_PERMISSION"),
        # a token without the claim that was configured holds none
        ({"models": [MODEL]}, None, None),
        ({"models": [MODEL]}, HERE, "PROJECT_PERMISSION"),
        ({"projects": [HERE]}, HERE, "MODEL_PERMISSION"),
        ({}, None, "MODEL_PERMISSION"),
    ],
)
def test_by_claims(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    tmp_path: Path,
    held: dict[str, Any],
    attribution: str | None,
    rule: str | None,
) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(tokens.pem(tokens.P256))
    jwt = {
        "issuer": tokens.ISSUER,
        "audience": tokens.AUDIENCE,
        "public_key_file": key,
        "models_claim": "models",
        "projects_claim": "projects",
    }
    token = tokens.signed(tokens.P256, "ES256", **held)
    call(make_settings(caller={"verifier": "jwt", "jwt": jwt}), token, attribution, rule, provider, records)
