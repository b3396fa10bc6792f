"""Frameworks with their own defaults, under the default policy: a question, a stream and a function tool."""

from pathlib import Path

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


@pytest.mark.parametrize(
    ("environment", "script"),
    [
        ("python_with_frameworks", "agents_sdk.py"),
        ("python_with_frameworks", "langchain.py"),
        ("python_with_frameworks", "pydantic_ai_agent.py"),
        ("python_with_llama_index", "llama_index_llm.py"),
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
    answers = play(sidecar, [NODE, "node/vercel_ai.mjs"], TELL_STORE="no")
    assert answers["question"].startswith(GREETING)
    assert answers["stream"].startswith(GREETING)
    assert "providerOptions.openai.store" in answers["refused"]
    assert_left_as_promised(provider, 3)


def assert_all_work(sidecar: Started, provider: SimulatedProvider, command: list[str | Path]) -> None:
    provider.script(*CALLS)
    answers = play(sidecar, command)
    assert answers["question"].startswith(GREETING)
    assert answers["stream"].startswith(GREETING)
    assert answers["pieces"] > 5
    assert answers["tool"].startswith(f"{GREETING} The tool returned")
    bodies = assert_left_as_promised(provider, len(CALLS))
    assert any(item.get("type") == "function_call_output" for item in bodies[-1]["input"])
    assert [sidecar.record()["call.outcome"] for _ in CALLS] == ["served"] * len(CALLS)
