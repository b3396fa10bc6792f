"""`start --record` and `replay` as a person runs them."""

from pathlib import Path
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.commands.program import Program, run, write_yaml
from tests.conftest import PROVIDER_KEY
from tests.proxy.client import HELLO, post

FOUNDRY = "acme.palantirfoundry.invalid"
KEY = {"THE_KEY": PROVIDER_KEY}


@pytest.fixture
def config(provider: SimulatedProvider, certificates: Path, tmp_path: Path) -> Path:
    document = {
        "listen": {"reverse": "127.0.0.1:0", "certificates": str(certificates)},
        "provider": {
            "trusted_ca": str(provider.ca_file),
            "regions": {
                "eu": {"url": provider.url, "api_key": {"env": "THE_KEY"}},
                "global": {"url": provider.url, "api_key": {"env": "THE_KEY"}},
            },
            "allowed_regions": ["global", "eu"],
        },
        "caller": {"verifier": "development"},
        "usage": {"ledger": "usage.sqlite"},
        "limits": {"storage": {"env": "NO_STORE_HERE"}},
        "telemetry": {"otlp_endpoint": "http://127.0.0.1:9", "otlp_records": True},
        "foundry": {"hostnames": [FOUNDRY], "other_paths": "forward"},
    }
    return write_yaml(tmp_path / "sidecar.yaml", document)


def test_recorded_and_replayed(config: Path, provider: SimulatedProvider, tmp_path: Path) -> None:
    cassette = tmp_path / "calls.jsonl"
    recording = tmp_path / "recording.yaml"
    text = config.read_text().replace("{env: NO_STORE_HERE}", "memory")
    text = text.replace("otlp_endpoint: http://127.0.0.1:9, otlp_records: true", "")
    recording.write_text(text)
    with Program("start", "--config", str(recording), "--record", str(cassette), env=KEY) as sidecar:
        served = post(sidecar.port)
        assert served.status == 200
        assert sidecar.event("recording")[0]["content"] == "redacted"
        assert sidecar.stop() == 0
    provider.clear()
    ledger = (tmp_path / "usage.sqlite").read_bytes()
    words = ("replay", str(cassette), "--config", str(config), "--speed", "0", "--set", "policy.mode=warn")
    with Program(*words, env={"SIDECAR_PROVIDER__ZERO_DATA_RETENTION": "attested"}) as sidecar:
        replayed = post(sidecar.port)
        assert replayed.json["id"] == served.json["id"]
        missed = post(sidecar.port, {**HELLO, "store": True, "input": "x"})
        assert missed.code == "cassette_miss", "policy.mode=warn is in force"
        assert post(sidecar.port, target="/api/v2/ontologies", host=FOUNDRY).status == 404, "nothing is passed on"
        assert sidecar.stop() == 0
    assert provider.dialled == 0
    assert (tmp_path / "usage.sqlite").read_bytes() == ledger
    assert "Replaying 1 recorded calls" in sidecar.errors
    assert PROVIDER_KEY not in cassette.read_text()


def test_without_a_file_nothing_is_needed_but_the_cassette(tmp_path: Path) -> None:
    cassette = tmp_path / "calls.jsonl"
    cassette.write_text('{"cassette": 1, "content": "kept", "salt": "00"}\n')
    words = ("replay", str(cassette), "--set", "listen.reverse=127.0.0.1:0")
    with Program(*words, "--set", f"listen.certificates={tmp_path}") as sidecar:
        assert "holds no call of the API responses" in post(sidecar.port).json["message"]
        assert sidecar.stop() == 0


UNUSED: dict[str, dict[str, Any]] = {
    "budgets": {
        "limits": {"budgets": {"enrollment": {"day": {"requests": 1}}}, "storage": "memory"},
        "usage": {"ledger": "usage.sqlite"},
    },
    "a shared ledger": {"usage": {"ledger": "usage.sqlite", "shared": "postgresql://user@127.0.0.1:1/usage"}},
    "a store of limits": {"limits": {"storage": "redis://127.0.0.1:1/0", "enrollment": {"default": {}}}},
    "an egress proxy": {"provider": {"proxy": "http://127.0.0.1:1"}},
    "the pod's own identity": {
        "provider": {
            "regions": {
                "global": {"identity": {"identity_provider_id": "a", "service_account_id": "b", "token_file": "own"}}
            }
        }
    },
}
"""What a configuration may name that a replay has no use for; nobody listens there."""


@pytest.mark.parametrize("sections", UNUSED.values(), ids=UNUSED)
def test_what_a_replay_does_not_use_is_not_asked(config: Path, tmp_path: Path, sections: dict[str, Any]) -> None:
    cassette = tmp_path / "calls.jsonl"
    cassette.write_text('{"cassette": 1, "content": "kept", "salt": "00"}\n')
    (tmp_path / "own").write_text("a-token-of-the-pod")
    document = {
        "listen": {"reverse": "127.0.0.1:0", "certificates": str(config.parent)},
        "caller": {"verifier": "development"},
        **sections,
        "provider": {
            "zero_data_retention": "attested",
            "regions": {"global": {"api_key": {"env": "NO_KEY_HERE"}}},
            **sections.get("provider", {}),
        },
    }
    other = write_yaml(tmp_path / "other.yaml", document)
    with Program("replay", str(cassette), "--config", str(other)) as sidecar:
        for _ in range(2):
            assert "holds no call of the API responses" in post(sidecar.port).json["message"]
        assert sidecar.stop() == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("replay", "nothing.jsonl"), "nothing.jsonl: can't be read"),
        (("replay", "broken.jsonl"), "broken.jsonl:2: not JSON"),
        (("replay", "broken.jsonl", "--speed", "-1"), "--speed -1.0"),
        (("start", "--record", "broken.jsonl"), "--record broken.jsonl: the file exists"),
        (("web", "--record", "nowhere/new.jsonl"), "folder does not exist"),
    ],
)
def test_what_it_does_not_start_with(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    (tmp_path / "broken.jsonl").write_text('{"cassette": 1, "content": "kept", "salt": "00"}\n{\n')
    ended = run(*words, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
