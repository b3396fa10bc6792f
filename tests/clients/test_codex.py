"""Codex, which offers a hosted web search unless it is told otherwise, and always streams."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider
from tests.clients.conftest import document
from tests.clients.installed import NODE, NODE_MODULES
from tests.clients.left import assert_left_as_promised
from tests.clients.started import TOKEN, Started, started
from tests.conftest import MODEL

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("clients_of_node")]  # the first run installs

NO_SEARCH = 'web_search = "disabled"'
"""The one line that Codex needs under the default policy."""

CONFIG = """
model = "{model}"
model_provider = "foundry"
{line}
check_for_update_on_startup = false
analytics.enabled = false

[model_providers.foundry]
name = "Foundry"
base_url = "{base_url}"
wire_api = "responses"
env_key = "FOUNDRY_TOKEN"
"""


def run(sidecar: Started, home: Path, line: str = "") -> list[dict[str, Any]]:
    """The events of one turn."""
    (home / "config.toml").write_text(CONFIG.format(model=MODEL, line=line, base_url=sidecar.base_url))
    codex = NODE_MODULES / "@openai/codex/bin/codex.js"
    command: list[str | Path] = [NODE, codex, "exec", "--skip-git-repo-check", "--json", "Hello"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_HOME": str(home), "FOUNDRY_TOKEN": TOKEN}
    done = subprocess.run(
        command, check=False, cwd=home, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=110
    )
    assert done.stdout, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def texts(events: list[dict[str, Any]]) -> list[str]:
    items = [event["item"] for event in events if event["type"] == "item.completed"]
    return [item["text"] for item in items if item["type"] == "agent_message"]


def test_a_turn_and_its_tool(sidecar: Started, provider: SimulatedProvider, tmp_path: Path) -> None:
    provider.script("tool_call", "")
    (text,) = texts(run(sidecar, tmp_path, NO_SEARCH))
    assert text.startswith(f"{GREETING} The tool returned")
    _, body = assert_left_as_promised(provider, 2)
    assert body["stream"] is True
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["prompt_cache_key"]
    assert {"function", "namespace"} == {tool["type"] for tool in body["tools"]}
    (reasoning,) = [item for item in body["input"] if item["type"] == "reasoning"]
    assert reasoning["encrypted_content"]
    assert "client_metadata stripped" in sidecar.record()["policy.changes"]


def test_its_own_default_is_refused_with_the_line_to_write(
    sidecar: Started, provider: SimulatedProvider, tmp_path: Path
) -> None:
    *_, last = run(sidecar, tmp_path)
    assert last["type"] == "turn.failed"
    told = json.loads(last["error"]["message"])["message"]
    assert f"{NO_SEARCH} in its config.toml" in told
    assert "policy.web_search to strip" in told
    assert provider.dialled == 0
    sidecar.record()
    assert sidecar.lines.empty(), "a refusal is not asked again"


def test_or_the_operator_takes_the_search_out(provider: SimulatedProvider, tmp_path: Path) -> None:
    settings = document(tmp_path, provider) | {"policy": {"web_search": "strip"}}
    with started(tmp_path, settings, tmp_path) as sidecar:
        (text,) = texts(run(sidecar, tmp_path))
        assert "tools[8] stripped" in sidecar.record()["policy.changes"]
    assert text.startswith(GREETING)
    (body,) = assert_left_as_promised(provider)
    assert {"function", "namespace"} == {tool["type"] for tool in body["tools"]}
