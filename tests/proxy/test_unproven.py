"""Refusals of callers that nobody knows, through the real proxy: what log, ledger and metrics hold of them."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from addons.journal.unproven import ALONE_A_PEER
from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import post
from tests.proxy.running import RunningSidecar
from tests.records import Records

MANY = 20


def test_anonymous_calls_fill_neither_log_nor_ledger(
    make_settings: SettingsMaker, records: Records, tmp_path: Path
) -> None:
    ledger = tmp_path / "usage.sqlite"
    settings = make_settings(listen={"admin": "127.0.0.1:0"}, usage={"ledger": ledger})
    with RunningSidecar(settings) as sidecar:
        for _ in range(MANY):
            assert post(sidecar.port, without=["authorization"]).status == 401
        assert post(sidecar.port, b"[]").status == 400
        assert post(sidecar.port).status == 200
        records.wait(count=ALONE_A_PEER + 2)
        telemetry = next(part for part in sidecar.addons if part.name == "sidecar-telemetry")
        exposed = telemetry.exposition()[1].decode()
    *anonymous, invalid, served = records.of("call")
    assert len(anonymous) == ALONE_A_PEER
    assert {record["error.type"] for record in anonymous} == {"missing_credentials"}
    assert {record["network.peer.address"] for record in anonymous} == {"127.0.0.1"}
    assert (invalid["call.outcome"], served["call.outcome"]) == ("refused", "served")
    (total,) = records.of("calls_summed")
    assert total["calls"] == MANY - ALONE_A_PEER
    assert total["error.type"] == {"missing_credentials": total["calls"]}
    assert total["peers"] == {"127.0.0.1": total["calls"]}
    (counted,) = re.findall(r'calls_total\{[^}]*error_type="missing_credentials"[^}]*\} (\d+)', exposed)
    assert int(counted) == MANY
    with closing(sqlite3.connect(ledger)) as connection:
        assert connection.execute("SELECT count(*) FROM call").fetchone() == (2,)


def test_a_wrong_base_url_is_told_in_the_log(make_settings: SettingsMaker, records: Records) -> None:
    with RunningSidecar(make_settings()) as sidecar:
        assert post(sidecar.port, target="/v1/responses?token=very-secret").status == 404
        assert post(sidecar.port, target="/v1/very-secret").status == 404
        first, second = records.wait(count=2)
    assert (first["http.request.method"], first["url.path"]) == ("POST", "/v1/responses")
    assert "Set the client's base URL to https://HOST/api/v2/llm/proxy/openai/v1" in first["refusal.hint"]
    assert second["url.path"] == "/v1/…"
    assert "very-secret" not in records.everything()


def test_other_providers_paths_are_told_and_counted(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    proxy = "/api/v2/llm/proxy"
    paths = ("anthropic/v1/messages", "google/v1beta/models/very-secret:generateContent", "xai/v1/chat/completions")
    with RunningSidecar(make_settings(listen={"admin": "127.0.0.1:0"})) as sidecar:
        for path in (*paths, paths[0]):
            reply = post(sidecar.port, target=f"{proxy}/{path}")
            assert (reply.status, reply.body) == (404, b"")
        told = records.wait(count=4)
        telemetry = next(part for part in sidecar.addons if part.name == "sidecar-telemetry")
        exposed = telemetry.exposition()[1].decode()
    assert provider.dialled == 0
    assert [each["url.path"] for each in told[:3]] == [
        f"{proxy}/{paths[0]}", f"{proxy}/google/…/models/…", f"{proxy}/{paths[2]}",
    ]  # fmt: skip
    assert {each["refusal.hint"] for each in told} == {
        "Other providers are not served here; OpenAI's APIs are, below /api/v2/llm/proxy/openai/v1."
    }
    counted = dict(re.findall(r'foundry_sidecar_not_served_total\{path="([^"]*)"\} (\d+)', exposed))
    assert counted == {"anthropic/messages": "2", "google/models": "1", "xai/chat/completions": "1"}
    assert "very-secret" not in records.everything() + exposed
