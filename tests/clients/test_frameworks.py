"""Frameworks with their own defaults, under the default policy: a question, a stream, a function tool; embeddings."""

from pathlib import Path
from typing import Any

import pytest

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider
from tests.clients.installed import NODE
from tests.clients.left import assert_left_as_promised
from tests.clients.played import play
from tests.clients.started import Started

pytestmark = [pytest.mark.frameworks, pytest.mark.timeout(600)]  # the first run installs

CALLS = ("", "", "reasoning tool_call", "")
"""How the provider answers: the question, the stream, and both turns with the tool."""


CHAT_CALLS = ("", "", "tool_call", "", "")
"""The same of chat completions; the last is for embeddings."""


@pytest.mark.parametrize(
    ("environment", "script"),
    [
        ("python_with_frameworks", "agents_sdk.py"),
        ("python_with_frameworks", "langchain.py"),
        ("python_with_frameworks", "pydantic_ai_agent.py"),
        ("python_with_openai_2", "llama_index_llm.py"),
    ],
)
def test_in_python(
    request: pytest.FixtureRequest, sidecar: Started, provider: SimulatedProvider, environment: str, script: str
) -> None:
    python = request.getfixturevalue(environment)
    assert_all_work(sidecar, provider, [python, "-P", f"frameworks/{script}"])


@pytest.mark.usefixtures("clients_of_node")
def test_the_vercel_ai_sdk(sidecar: Started, provider: SimulatedProvider) -> None:
    assert_all_work(sidecar, provider, [NODE, "--no-warnings", "node/vercel_ai.mjs"])
    *_, last = provider.calls
    (reasoning,) = [item for item in last.json()["input"] if item.get("type") == "reasoning"]
    assert reasoning["encrypted_content"]


@pytest.mark.usefixtures("clients_of_node")
def test_the_vercel_ai_sdk_is_told_its_setting(sidecar: Started, provider: SimulatedProvider) -> None:
    """By its own default it sends the tool's turn back by reference to what it believes to be stored."""
    provider.script(*CALLS)
    answers = play(sidecar, [NODE, "node/vercel_ai.mjs"], API="responses", TELL_STORE="no")
    assert answers["question"].startswith(GREETING)
    assert answers["stream"].startswith(GREETING)
    assert "providerOptions.openai.store" in answers["refused"]
    assert_left_as_promised(provider, 3)


def assert_all_work(sidecar: Started, provider: SimulatedProvider, command: list[str | Path]) -> None:
    provider.script(*CALLS)
    answers = play(sidecar, command, API="responses")
    assert_answers(answers)
    bodies = assert_left_as_promised(provider, len(CALLS))
    assert any(item.get("type") == "function_call_output" for item in bodies[-1]["input"])
    assert [sidecar.record()["call.outcome"] for _ in CALLS] == ["served"] * len(CALLS)


def assert_answers(answers: Any) -> None:
    assert answers["question"].startswith(GREETING)
    assert answers["stream"].startswith(GREETING)
    assert answers["pieces"] > 5
    assert answers["tool"].startswith(f"{GREETING} The tool returned")


@pytest.mark.parametrize(
    ("environment", "script"),
    [("python_with_frameworks", "langchain.py"), ("python_with_frameworks", "litellm_sdk.py")],
)
def test_chat_completions_in_python(
    request: pytest.FixtureRequest, sidecar: Started, provider: SimulatedProvider, environment: str, script: str
) -> None:
    python = request.getfixturevalue(environment)
    assert_chat_works(sidecar, provider, [python, "-P", f"frameworks/{script}"])


def test_chat_completions_of_llama_index(
    sidecar_of_plain_names: Started, provider: SimulatedProvider, python_with_openai_2: Path
) -> None:
    """Its chat model knows models by OpenAI's names alone, so that the operator has to allow these."""
    command: list[str | Path] = [python_with_openai_2, "-P", "frameworks/llama_index_llm.py"]
    names = {"MODEL": "gpt-5.2", "EMBEDDINGS": "text-embedding-ada-002"}
    assert_chat_works(sidecar_of_plain_names, provider, command, **names)


@pytest.mark.usefixtures("clients_of_node")
def test_chat_completions_of_the_vercel_ai_sdk(sidecar: Started, provider: SimulatedProvider) -> None:
    assert_chat_works(sidecar, provider, [NODE, "--no-warnings", "node/vercel_ai.mjs"])


def test_instructor(sidecar: Started, provider: SimulatedProvider, python_with_openai_2: Path) -> None:
    provider.script("tool_call", "tool_call")
    answers = play(sidecar, [python_with_openai_2, "-P", "frameworks/instructor_client.py"])
    assert answers["whole"].keys() == {"name", "age"}
    assert answers["parts"][-1] == answers["whole"]
    assert_left_as_promised(provider, 2, path="/v1/chat/completions")
    assert [sidecar.record()["call.outcome"] for _ in range(2)] == ["served"] * 2


@pytest.mark.parametrize(
    ("environment", "version"),
    [("python_with_openai_1", 1), ("python_with_openai_2", 2), ("python_with_frameworks", 3)],
)
def test_every_version_of_openai_python(
    request: pytest.FixtureRequest, sidecar: Started, provider: SimulatedProvider, environment: str, version: int
) -> None:
    """Of a usage that nobody asked for no chunk passes, and a stream that breaks off raises."""
    python = request.getfixturevalue(environment)
    provider.script("", "", "", "", "cut=3", "end=3", "tool_call", "", "")
    answers = play(sidecar, [python, "-P", "frameworks/openai_python.py"])
    assert answers["version"].startswith(f"{version}.")
    assert answers["question"].startswith(GREETING)
    for asked, told in (("not asked", 0), ("refused it", 0), ("asked", 1)):
        assert answers[asked]["text"].startswith(GREETING)
        assert answers[asked]["usage"] == told
    assert answers["cut"] == answers["ended"] == {"class": "APIError", "code": "stream_truncated"}
    assert answers["stored"] == {"class": "BadRequestError", "code": "unsupported_parameter"}
    assert answers["tool"].startswith(f"{GREETING} The tool returned")
    assert answers["embeddings"] == [1536, 1536]
    records = [sidecar.record() for _ in range(10)]
    assert [each["usage.status"] for each in records[:4]] == ["reported"] * 4


def assert_chat_works(
    sidecar: Started, provider: SimulatedProvider, command: list[str | Path], **environment: str
) -> None:
    provider.script(*CHAT_CALLS)
    answers = play(sidecar, command, API="chat", **environment)
    assert_answers(answers)
    assert answers["embeddings"] == [1536, 1536]
    *chat, embeddings = provider.calls
    assert embeddings.target == "/v1/embeddings"
    assert {call.target for call in chat} == {"/v1/chat/completions"}
    assert all(call.json()["store"] is False for call in chat)
    assert any(message["role"] == "tool" for message in chat[-1].json()["messages"])
    records = [sidecar.record() for _ in CHAT_CALLS]
    assert [each["call.outcome"] for each in records] == ["served"] * len(CHAT_CALLS)
    assert [each["usage.status"] for each in records] == ["reported"] * len(CHAT_CALLS)
    added = "stream_options.include_usage added" in records[1].get("policy.changes", ())
    assert answers["usage"] == (0 if added else 1), "usage is told to who asked for it, and to nobody else"
