"""Two callers with one Idempotency-Key: at the provider, where all are one customer, neither meets the other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from addons.foundry.caller import SCOPE, token_hash
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PATH, SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar

TOKENS: Final = {"alices-first": "alice", "alices-second": "alice", "bobs": "bob"}
KEY: Final = "order-17"
APIS: Final[Mapping[str, Mapping[str, Any]]] = {
    "responses": HELLO,
    "chat/completions": {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]},
    "embeddings": {"model": "ri.language-model-service..language-model.text-embedding-ada-002_azure", "input": "Hi"},
}


@pytest.mark.parametrize("api", APIS)
def test_one_key_of_two_callers(
    make_settings: SettingsMaker, provider: SimulatedProvider, tmp_path: Path, api: str
) -> None:
    """As two sidecars send it, one after the other: they share nothing but the configuration."""
    tokens = tmp_path / "tokens.yaml"
    rows = [{"sha256": token_hash(token), "subject": who, "scopes": [SCOPE]} for token, who in TOKENS.items()]
    YAML().dump(rows, tokens)
    settings = make_settings(caller={"verifier": "registry", "registry": {"file": tokens}})
    sent = [(token, key) for token in TOKENS for key in (KEY, f"{KEY}b")]
    for _ in range(2):
        with RunningSidecar(settings) as sidecar:
            for token, key in sent:
                headers = [("Authorization", f"Bearer {token}"), ("Idempotency-Key", key)]
                target = PATH.replace("responses", api)
                assert post(sidecar.port, APIS[api], target=target, headers=headers).status == 200
    left = [value for call in provider.calls for value in call.values("idempotency-key")]
    whose = 2 * [(TOKENS[token], key) for token, key in sent]
    assert len(left) == len(whose)
    assert len(set(left)) == len(set(whose)) == len(set(zip(left, whose, strict=True)))
    assert not any(known in value for value in left for known in (KEY, "alice", "bob"))
