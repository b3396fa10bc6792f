"""Recorded through a real proxy, replayed through another with the provider out of reach."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from addons.cassettes.cassette import Cassette, Content, read
from addons.cassettes.cassette_writer import CassetteWriter
from addons.configuration.settings import Settings
from addons.simulator.answer import GREETING
from addons.simulator.player import Player
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PATH, PROVIDER_KEY, SettingsMaker
from tests.proxy.client import HELLO, TOKEN, Reply, post, request_bytes
from tests.proxy.running import RunningSidecar
from tests.proxy.test_embeddings import ADA
from tests.records import Records

PROMPT = "Is the patient in room 12 allergic to penicillin?"
ASKED = {"model": MODEL, "input": PROMPT}
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a secret place",
    "parameters": {"type": "object", "properties": {"hidden_city": {"type": "string"}}, "additionalProperties": False},
}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("", ASKED),
    ("pause=0.01", {**ASKED, "stream": True}),
    ("reasoning tool_call", {**ASKED, "stream": True, "tools": [TOOL]}),
    ("status=429 retry_after=2", {**ASKED, "metadata": {"ward": "north"}}),
    ("cut=6", {**ASKED, "stream": True, "temperature": 0.5}),
    ("status=401", {**ASKED, "top_p": 0.5}),
]
CONTENT = ("penicillin", "patient", "secret place", "hidden_city", "north", GREETING, "Simulated:")
SECRETS = (PROVIDER_KEY, TOKEN, "stand-in", "uthorization", "Bearer", "organization", "__cf_bm")


@pytest.fixture
def cassette_of(make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tmp_path: Path) -> Any:
    """Makes the calls, and gives the cassette with what callers got."""

    def make(content: Content, calls: list[tuple[str, dict[str, Any]]] = CALLS) -> tuple[Cassette, list[Reply]]:
        writer = CassetteWriter(tmp_path / "calls.jsonl", content)
        with RunningSidecar(make_settings(), cassette=writer) as sidecar:
            replies = []
            for directive, body in calls:
                provider.script(directive)
                replies.append(post(sidecar.port, body))
            records.wait(count=len(calls))
            assert post(sidecar.port, {**ASKED, "store": True}).status == 400
        assert records.of("call_not_recorded") == records.of("fault") == []
        return read(writer.path), replies

    return make


@pytest.fixture
def replaying(make_settings: SettingsMaker, provider: SimulatedProvider, tmp_path: Path) -> Any:
    @contextmanager
    def replay(cassette: Cassette, *, speed: float = 0, once: bool = False) -> Iterator[RunningSidecar]:
        provider.clear()
        with (
            Player(cassette, api_key=PROVIDER_KEY, directory=tmp_path / "player", speed=speed, once=once) as player,
            RunningSidecar(_at(make_settings(), player)) as sidecar,
        ):
            yield sidecar
        assert provider.dialled == 0

    return replay


def _at(settings: Settings, player: Player) -> Settings:
    provider = settings.provider
    regions = {"global": provider.regions["global"].model_copy(update={"url": player.url})}
    changed = provider.model_copy(update={"trusted_ca": player.ca_file, "regions": regions})
    return settings.model_copy(update={"provider": changed})


def test_what_a_cassette_holds(cassette_of: Any) -> None:
    cassette, _ = cassette_of("redacted")
    text = Path(cassette.name).read_text()
    assert [word for word in (*CONTENT, *SECRETS) if word in text] == []
    calls = list(cassette.calls.values())
    assert [(call.answer.status, call.answer.ended) for call in calls] == [
        (200, "whole"), (200, "whole"), (200, "whole"), (429, "whole"), (200, "cut"), (401, "whole"),
    ]  # fmt: skip
    assert {call.request["model"] for call in calls} == {"gpt-5.2"}
    assert len(calls[4].answer.pieces) == 6
    for call in calls:
        times = [call.answer.began, *(at for at, _ in call.answer.pieces)]
        assert times == sorted(times)
        assert ("openai-processing-ms", "12") in call.answer.headers
    times = [at for at, _ in calls[1].answer.pieces]
    assert times[-1] > 9 * (len(times) - 1), "10 ms lay between any two"


def test_content_is_kept_where_that_is_asked_for(cassette_of: Any) -> None:
    cassette, replies = cassette_of("kept")
    text = Path(cassette.name).read_text()
    assert [word for word in SECRETS if word in text] == []
    assert [word for word in CONTENT if word not in text] == []
    first, stream = list(cassette.calls.values())[:2]
    assert first.request["input"] == PROMPT
    assert first.answer.pieces[0][1].encode() == replies[0].body
    assert "".join(piece for _, piece in stream.answer.pieces).encode() == replies[1].body


def test_the_same_answers_again(cassette_of: Any, replaying: Any, records: Records) -> None:
    cassette, replies = cassette_of("kept")
    records.clear()
    with replaying(cassette) as sidecar:
        for (_, body), before in reversed(list(zip(CALLS, replies, strict=True))):
            again = post(sidecar.port, body)
            assert again.status == before.status
            if before.status == 200:
                assert again.body == before.body
                assert again.headers["x-request-id"] == before.headers["x-request-id"]
            else:
                assert (again.code, again.headers.get("retry-after")) == (
                    before.code,
                    before.headers.get("retry-after"),
                )
        assert post(sidecar.port, {**ASKED, "store": True}).code == "unsupported_parameter", "the gates are the same"
    ended = {record["call.outcome"] for record in records.wait(count=len(CALLS) + 1)}
    assert {"served", "truncated"} <= ended


@pytest.mark.parametrize("content", ["redacted", "kept"])
def test_the_sdk_reads_a_replay_as_it_read_the_call(cassette_of: Any, replaying: Any, content: Content) -> None:
    cassette, replies = cassette_of(content)
    kinds = [
        [line.removeprefix("event: ") for line in reply.body.decode().splitlines() if line.startswith("event: ")]
        for reply in replies
    ]
    with replaying(cassette) as sidecar, _client(sidecar) as client:
        response = client.responses.create(**ASKED)  # type: ignore[call-overload]  # keywords of any kind
        assert response.usage.output_tokens == replies[0].json["usage"]["output_tokens"]
        assert (response.output_text == replies[0].json["output"][0]["content"][0]["text"]) == (content == "kept")
        for number in (1, 2):
            events = list(client.responses.create(**CALLS[number][1]))
            assert [event.type for event in events] == kinds[number] != []
        (call,) = [item for item in events[-1].response.output if item.type == "function_call"]
        assert call.name == "weather"
        with pytest.raises(openai.RateLimitError):
            client.responses.create(**CALLS[3][1])
        with client.responses.stream(model=MODEL, input=PROMPT) as stream:
            said = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
            assert said == stream.get_final_response().output_text != ""
        with pytest.raises(openai.APIError, match="broke off"):
            list(client.responses.create(**CALLS[4][1]))


def test_a_conversation_goes_on_with_what_was_replayed(
    make_settings: SettingsMaker, replaying: Any, provider: SimulatedProvider, tmp_path: Path
) -> None:
    """An app hands back what it got, which is a mark where the content stayed out."""

    def converse(sidecar: RunningSidecar) -> list[str]:
        with _client(sidecar) as client:
            first = client.responses.create(model=MODEL, input=PROMPT)
            history: Any = [{"role": "user", "content": PROMPT}, *(item.to_dict() for item in first.output)]
            history.append({"role": "user", "content": "And in room 13?"})
            return [first.id, client.responses.create(model=MODEL, input=history).id]

    writer = CassetteWriter(tmp_path / "calls.jsonl", "redacted")
    provider.script("reasoning", "")
    with RunningSidecar(make_settings(), cassette=writer) as sidecar:
        ids = converse(sidecar)
    with replaying(read(writer.path)) as sidecar:
        assert converse(sidecar) == ids


TALK = [{"role": "user", "name": "anna", "content": PROMPT}]
CHAT_TOOL = {"type": "function", "function": {name: value for name, value in TOOL.items() if name != "type"}}
CHAT: list[tuple[str, dict[str, Any]]] = [
    ("", {"model": MODEL, "messages": TALK}),
    ("", {"model": MODEL, "messages": TALK, "stream": True}),
    ("tool_call", {"model": MODEL, "messages": TALK, "stream": True, "tools": [CHAT_TOOL]}),
    ("cut=3", {"model": MODEL, "messages": TALK, "stream": True, "temperature": 0.5}),
]
TEXTS: list[dict[str, Any]] = [
    {"model": ADA, "input": [PROMPT, "x"]},
    {"model": ADA, "input": [101, 75927592], "encoding_format": "base64"},
]


@pytest.mark.parametrize("content", ["redacted", "kept"])
def test_chat_completions_and_embeddings(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    replaying: Any,
    records: Records,
    tmp_path: Path,
    content: Content,
) -> None:
    """An app reads a replay as it read the calls; of a call's usage, of which it did not ask, too."""
    chat, embeddings = (PATH.replace("responses", path) for path in ("chat/completions", "embeddings"))
    writer = CassetteWriter(tmp_path / "calls.jsonl", content)
    with RunningSidecar(make_settings(), cassette=writer) as sidecar:
        for directive, body in CHAT:
            provider.script(directive)
            post(sidecar.port, body, target=chat)
        vectors = [post(sidecar.port, body, target=embeddings) for body in TEXTS]
        records.wait(count=len(CHAT) + len(TEXTS))
    cassette = read(writer.path)
    assert [call.api for call in cassette.calls.values()] == ["chat_completions"] * len(CHAT) + ["embeddings"] * 2
    text = writer.path.read_text()
    words = ("penicillin", "anna", "secret place", "hidden_city", GREETING, "75927592")
    assert [word for word in words if (word in text) == (content == "redacted")] == []
    assert [word for word in SECRETS if word in text] == []
    records.clear()
    with replaying(cassette) as sidecar, _client(sidecar) as client:
        whole = client.chat.completions.create(**CHAT[0][1])
        assert str(whole.choices[0].message.content).startswith(GREETING) == (content == "kept")
        chunks = list(client.chat.completions.create(**CHAT[1][1]))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
        assert chunks[-1].choices[0].finish_reason == "stop"
        with client.chat.completions.stream(model=MODEL, messages=TALK, tools=[CHAT_TOOL]) as stream:  # type: ignore[arg-type,list-item]  # as dicts
            called = stream.get_final_completion().choices[0].message.tool_calls
        assert called
        assert [each.function.name for each in called] == ["weather"]
        with pytest.raises(openai.APIError, match="broke off"):
            list(client.chat.completions.create(**CHAT[3][1]))
        for body, before in zip(TEXTS, vectors, strict=True):
            again = post(sidecar.port, body, target=embeddings).json
            assert (again == before.json) == (content == "kept")
            assert [len(each["embedding"]) for each in again["data"]] == [
                len(each["embedding"]) for each in before.json["data"]
            ]
        assert post(sidecar.port, {"model": MODEL, "input": PROMPT}).code == "cassette_miss"
    usages = [record["usage.status"] for record in records.wait(count=7)]
    assert usages.count("reported") == 5


def test_a_miss(cassette_of: Any, replaying: Any, records: Records) -> None:
    cassette, _ = cassette_of("redacted", [("", ASKED)])
    records.clear()
    with replaying(cassette, once=True) as sidecar:
        miss = post(sidecar.port, {**ASKED, "input": "Something else"})
        assert (miss.status, miss.code, miss.json["error"]["param"]) == (400, "cassette_miss", "input")
        assert f"{cassette.name} fits this one. The nearest, on line 2, differs in input." in miss.json["message"]
        assert miss.headers["x-should-retry"] == "false"
        assert post(sidecar.port, ASKED).status == 200
        assert "--once" in post(sidecar.port, ASKED).json["message"]
    assert "cassette_miss" in records.wait(count=3)[0]["refusal.detail"]


def test_the_recorded_times_are_kept(cassette_of: Any, replaying: Any, records: Records) -> None:
    cassette, _ = cassette_of("redacted", [("pause=0.02", {**HELLO, "stream": True})])
    times = [at for at, _ in cassette.calls[2].answer.pieces]
    records.clear()
    with replaying(cassette, speed=1) as sidecar:
        assert post(sidecar.port, {**HELLO, "stream": True}).status == 200
    (record,) = records.wait()
    assert record["duration.provider"] >= times[-1] / 1000


def test_a_caller_that_leaves(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tmp_path: Path
) -> None:
    writer = CassetteWriter(tmp_path / "calls.jsonl", "redacted")
    provider.script("hold=4")
    with RunningSidecar(make_settings(), cassette=writer) as sidecar:
        with socket.create_connection(("127.0.0.1", sidecar.port)) as caller:
            caller.sendall(request_bytes({**ASKED, "stream": True}))
            came = b""
            while came.count(b"data: ") < 4:
                came += caller.recv(65536)
        records.wait()
    (call,) = read(writer.path).calls.values()
    assert (len(call.answer.pieces), call.answer.ended) == (4, "cut")


def _client(sidecar: RunningSidecar) -> openai.OpenAI:
    return openai.OpenAI(
        api_key=TOKEN,
        base_url=sidecar.url + PATH.removesuffix("/responses"),
        max_retries=0,
        http_client=httpx2.Client(trust_env=False),
    )
