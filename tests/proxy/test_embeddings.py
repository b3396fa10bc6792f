"""Embeddings, and the list of models, through the same gates."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from addons.foundry.catalogue import Catalogue
from addons.foundry.shipped_models import SHIPPED
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PATH, PROVIDER_KEY, SettingsMaker
from tests.proxy.client import TOKEN, post, request_bytes, send
from tests.proxy.running import RunningSidecar
from tests.records import Records

EMBEDDINGS: Final = PATH.replace("responses", "embeddings")
MODELS: Final = PATH.replace("responses", "models")
ADA: Final = "ri.language-model-service..language-model.text-embedding-ada-002_azure"


def test_embeddings_are_rewritten_answered_and_recorded(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    asked = {"model": ADA, "input": ["Hello", "world"], "encoding_format": "base64", "user": "somebody"}
    reply = post(sidecar.port, asked, target=EMBEDDINGS)
    assert (reply.status, len(reply.json["data"])) == (200, 2)
    (seen,) = provider.calls
    assert seen.target == "/v1/embeddings"
    assert json.loads(seen.body) == {
        "model": "text-embedding-ada-002", "input": ["Hello", "world"], "encoding_format": "base64",
    }  # fmt: skip
    (record,) = records.wait()
    assert (record["gen_ai.operation.name"], record["openai.api.type"]) == ("embeddings", "embeddings")
    assert record["gen_ai.usage.input_tokens"] == reply.json["usage"]["prompt_tokens"]
    assert "gen_ai.usage.output_tokens" not in record
    assert (record["call.outcome"], record["usage.status"]) == ("served", "reported")
    assert not any(secret in records.everything() for secret in (TOKEN, PROVIDER_KEY, "Hello", "somebody"))


@pytest.mark.parametrize("target", [PATH, PATH.replace("responses", "chat/completions")])
def test_a_model_of_embeddings_serves_nothing_else(
    sidecar: RunningSidecar, provider: SimulatedProvider, target: str
) -> None:
    assert post(sidecar.port, {"model": ADA}, target=target).status == 404
    reply = post(sidecar.port, {"model": MODEL, "input": "Hi"}, target=EMBEDDINGS)
    assert (reply.status, reply.code) == (404, "model_not_found")
    assert "embeddings" in reply.json["error"]["message"]
    assert provider.dialled == 0


def test_what_embeddings_cost_is_counted_and_written_down(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    """Each input may use the model's whole window, and no answer is made of tokens."""
    settings = make_settings(limits={"user": {"default": {"tokens_per_minute": 1_000_000}}})
    with RunningSidecar(settings) as sidecar:
        records.clear()
        provider.script("usage=700,0,0,0")
        post(sidecar.port, {"model": ADA, "input": ["x" * 400] * 10}, target=EMBEDDINGS)
        (record,) = records.wait()
    assert 1_000 <= record["rate_limit.estimated_tokens"] <= 1_100
    assert record["gen_ai.usage.input_tokens"] == 700


def test_the_models_are_those_that_may_be_named_today(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    reply = send(sidecar.port, request_bytes(b"", method="GET", target=MODELS))
    assert (reply.status, reply.json["object"]) == (200, "list")
    available = Catalogue().available(datetime.now(UTC).date())
    assert [model["id"] for model in reply.json["data"]] == [model.rid for model, _ in available]
    assert all(model["object"] == "model" for model in reply.json["data"])
    assert provider.dialled == 0
    (record,) = records.wait()
    assert (record["call.outcome"], record["policy.decision"]) == ("served", "allowed")
    assert record["gen_ai.operation.name"] == "list_models"
    assert record["caller"]
    assert "usage.status" not in record
    assert "duration.provider" not in record


FORBIDDEN: Final[dict[str, dict[str, object]]] = {
    "a limit of 0": {"limits": {"user": {"default": {MODEL: {"requests_per_minute": 0}}}}},
    "a limit of 0 for all": {"limits": {"enrollment": {MODEL: {"tokens_per_minute": 0}}}},
    "a budget of 0": {"limits": {"budgets": {"user": {"default": {MODEL: {"day": {"tokens": 0}}}}}}},
}


@pytest.mark.parametrize("sections", FORBIDDEN.values(), ids=FORBIDDEN.keys())
@pytest.mark.parametrize("mode", ["enforce", "warn"])
def test_a_model_that_is_refused_in_any_case_is_not_listed(
    make_settings: SettingsMaker, tmp_path: Path, sections: dict[str, dict[str, object]], mode: str
) -> None:
    settings = make_settings(limits={**sections["limits"], "mode": mode}, usage={"ledger": tmp_path / "usage.sqlite"})
    with RunningSidecar(settings) as sidecar:
        reply = send(sidecar.port, request_bytes(b"", method="GET", target=MODELS))
        listed = [model["id"] for model in reply.json["data"]]
        assert ADA in listed
        assert (MODEL in listed) is (mode == "warn")
        assert (post(sidecar.port, {"model": MODEL, "input": "Hi"}).status == 200) is (MODEL in listed)


def test_models_that_keep_prompts_for_a_day_are_listed_where_they_may_be_used(
    make_settings: SettingsMaker, provider: SimulatedProvider
) -> None:
    daily = next(model.rid for model in SHIPPED if model.keeps_prompts_for_a_day)
    for allowed in ([], [daily]):
        unattested = {"zero_data_retention": None}
        settings = make_settings(policy={"models_with_daily_cache": allowed}, provider=unattested)
        with RunningSidecar(settings) as sidecar:
            reply = send(sidecar.port, request_bytes(b"", method="GET", target=MODELS))
            assert (daily in [model["id"] for model in reply.json["data"]]) is bool(allowed)
            assert (post(sidecar.port, {"model": daily, "input": "Hi"}).status == 200) is bool(allowed)


def test_projects_count_for_the_list_as_they_do_for_a_call(
    make_settings: SettingsMaker, provider: SimulatedProvider
) -> None:
    none = {"requests_per_minute": 0}
    settings = make_settings(limits={"user": {"default": none}, "project": {"ri.a..b.c": {"requests_per_minute": 9}}})
    with RunningSidecar(settings) as sidecar:
        for headers, listed in (([], False), ([("attribution", "ri.a..b.c")], True)):
            reply = send(sidecar.port, request_bytes(b"", headers=headers, method="GET", target=MODELS))
            assert bool(reply.json["data"]) is listed
        reply = send(
            sidecar.port, request_bytes(b"", headers=[("attribution", "nonsense")], method="GET", target=MODELS)
        )
        assert reply.status == 400


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param({"method": "GET", "without": ["Authorization"]}, 401, id="nobody"),
        pytest.param({"method": "POST"}, 405, id="another method"),
        pytest.param({"method": "GET", "host": "evil.example"}, 404, id="another host"),
    ],
)
def test_who_asks_for_the_models_passes_the_same_gates(
    sidecar: RunningSidecar, request_: dict[str, object], status: int
) -> None:
    reply = send(sidecar.port, request_bytes(b"", target=MODELS, **request_))  # type: ignore[arg-type]  # keywords
    assert reply.status == status
    if status == 405:
        assert reply.headers["allow"] == "GET"


def test_a_caller_sees_the_models_it_may_use_and_has_no_row_for_asking(
    make_settings: SettingsMaker, tmp_path: Path, records: Records
) -> None:
    (tmp_path / "tokens.yaml").write_text(
        json.dumps([{
            "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "subject": "someone",
            "scopes": ["api:use-language-models-execute"], "models": [MODEL],
        }])
    )  # fmt: skip
    registry = {"verifier": "registry", "registry": {"file": tmp_path / "tokens.yaml"}}
    ledger = tmp_path / "usage.sqlite"
    with RunningSidecar(make_settings(caller=registry, usage={"ledger": ledger})) as sidecar:
        reply = send(sidecar.port, request_bytes(b"", method="GET", target=MODELS))
        assert [model["id"] for model in reply.json["data"]] == [MODEL]
    assert b"someone" not in ledger.read_bytes()
