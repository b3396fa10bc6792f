"""Chat completions through the same gates: what reaches the provider, what comes back, what is recorded."""

import json
from typing import Any, Final

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PATH, PROVIDER_KEY
from tests.proxy.client import TOKEN, Reply, post
from tests.proxy.running import RunningSidecar
from tests.records import Records

CHAT: Final = PATH.replace("responses", "chat/completions")
HELLO: Final[dict[str, Any]] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello, world"}]}
STREAM: Final = {**HELLO, "stream": True}


def chunks(reply: Reply) -> list[Any]:
    """What stands in the events, but for ``[DONE]``, which must be there and come last."""
    *read, done = [line.removeprefix("data: ") for line in reply.body.decode().split("\n\n")[:-1]]
    assert done == "[DONE]"
    return [json.loads(data) for data in read]


def test_a_json_call_is_rewritten_answered_and_recorded(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    reply = post(sidecar.port, {**HELLO, "user": "somebody", "metadata": {"a": "b"}}, target=CHAT)
    assert (reply.status, reply.json["object"]) == (200, "chat.completion")
    (seen,) = provider.calls
    assert seen.target == "/v1/chat/completions"
    assert json.loads(seen.body) == {
        "model": "gpt-5.2", "messages": HELLO["messages"], "store": False, "prompt_cache_retention": "in_memory",
    }  # fmt: skip
    (record,) = records.wait()
    assert (record["gen_ai.operation.name"], record["openai.api.type"]) == ("chat", "chat_completions")
    assert (record["call.outcome"], record["usage.status"]) == ("served", "reported")
    assert record["gen_ai.usage.input_tokens"] == reply.json["usage"]["prompt_tokens"]
    assert record["gen_ai.usage.output_tokens"] == reply.json["usage"]["completion_tokens"]
    assert record["gen_ai.response.id"] == reply.json["id"]
    assert set(record["policy.changes"]) == {
        "user stripped", "metadata stripped", "store added", "prompt_cache_retention added",
    }  # fmt: skip
    assert not any(secret in records.everything() for secret in (TOKEN, PROVIDER_KEY, "Hello, world", "somebody"))


@pytest.mark.parametrize("split", ["", "split=1", "split=7"])
@pytest.mark.parametrize(
    ("options", "shown"),
    [
        pytest.param({}, False, id="not asked for"),
        pytest.param({"stream_options": {"include_usage": False}}, False, id="asked not to have it"),
        pytest.param({"stream_options": {"include_obfuscation": False}}, False, id="asked for something else"),
        pytest.param({"stream_options": {"include_usage": True}}, True, id="asked for"),
    ],
)
def test_usage_is_known_and_shown_to_who_asked(
    sidecar: RunningSidecar,
    provider: SimulatedProvider,
    records: Records,
    options: dict[str, Any],
    shown: bool,
    split: str,
) -> None:
    provider.script(f"usage=7,1,5,2 {split}")
    reply = post(sidecar.port, {**STREAM, **options}, target=CHAT)
    assert reply.headers["content-type"].startswith("text/event-stream")
    read = chunks(reply)
    assert all(chunk["object"] == "chat.completion.chunk" and "error" not in chunk for chunk in read)
    assert [chunk["usage"]["prompt_tokens"] for chunk in read if chunk["usage"]] == ([7] if shown else [])
    assert all(chunk["choices"] for chunk in read[: -1 if shown else None])
    sent = json.loads(provider.calls[0].body)
    assert sent["stream_options"]["include_usage"] is True
    assert sent["stream_options"].keys() >= options.get("stream_options", {}).keys()
    (record,) = records.wait()
    assert (record["gen_ai.usage.input_tokens"], record["gen_ai.usage.output_tokens"]) == (7, 5)
    assert (record["call.outcome"], record["usage.status"]) == ("served", "reported")
    assert any(change.startswith("stream_options.include_usage") for change in record["policy.changes"]) == (not shown)


@pytest.mark.parametrize("how", ["cut=3", "end=3"])
def test_a_stream_that_breaks_off_ends_in_an_error(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records, how: str
) -> None:
    provider.script(how)
    reply = post(sidecar.port, STREAM, target=CHAT)
    *before, last = [json.loads(line.removeprefix("data: ")) for line in reply.body.decode().split("\n\n")[:-1]]
    assert len(before) == 3
    assert last["error"]["code"] == "stream_truncated"
    assert b"event:" not in reply.body
    (record,) = records.wait()
    assert (record["call.outcome"], record["usage.status"]) == ("truncated", "interrupted")


def test_an_error_of_the_providers_in_a_stream_passes_and_is_its_end(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    provider.script("error_event")
    reply = post(sidecar.port, STREAM, target=CHAT)
    assert reply.body.count(b'"error"') == 1
    assert records.wait()[0]["call.outcome"] == "provider_error"


REFUSED: Final[list[tuple[dict[str, Any], int, str, str]]] = [
    ({"store": True}, 400, "unsupported_parameter", "store"),
    ({"audio": {"voice": "ash", "format": "wav"}}, 400, "unsupported_parameter", "audio"),
    ({"modalities": ["text", "audio"]}, 400, "unsupported_parameter", "modalities[1]"),
    ({"web_search_options": {}}, 400, "unsupported_parameter", "web_search_options"),
    ({"service_tier": "priority"}, 400, "unsupported_parameter", "service_tier"),
    ({"prompt_cache_retention": "24h"}, 400, "unsupported_parameter", "prompt_cache_retention"),
    ({"tools": [{"type": "web_search"}]}, 400, "unsupported_parameter", "tools[0]"),
    ({"n": 129}, 400, "invalid_json", "n"),
    ({"max_completion_tokens": 10**9}, 400, "invalid_json", "max_completion_tokens"),
    ({"max_tokens": 0}, 400, "invalid_json", "max_tokens"),
    ({"input": "Hi"}, 400, "unknown_parameter", "input"),
    ({"model": MODEL.replace("gpt-5-2", "gpt-5-3-codex")}, 404, "model_not_found", "model"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example"}}]}]},
        400, "unsupported_parameter", "messages[0].content[0].image_url.url",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
        400, "unsupported_parameter", "messages[0].content[0].file.file_id",
    ),
    ({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, 400, "unsupported_parameter",
     "messages[0].audio"),
    ({"messages": [{"role": "judge", "content": "Hi"}]}, 400, "unsupported_parameter", "messages[0].role"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "status", "code", "param"), REFUSED, ids=str)
def test_what_is_refused(
    sidecar: RunningSidecar,
    provider: SimulatedProvider,
    records: Records,
    more: dict[str, Any],
    status: int,
    code: str,
    param: str,
) -> None:
    reply = post(sidecar.port, {**HELLO, **more}, target=CHAT)
    assert (reply.status, reply.code) == (status, code)
    assert reply.json["error"]["param"].startswith(param.removesuffix(".role"))
    assert provider.dialled == 0
    (record,) = records.wait()
    assert (record["call.outcome"], record["openai.api.type"]) == ("refused", "chat_completions")
