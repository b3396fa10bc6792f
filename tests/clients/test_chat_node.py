"""Chat completions, embeddings and the models by openai-node: alone, over ``@osdk/client``, by Palantir's helpers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider
from tests.clients.installed import NODE
from tests.clients.left import assert_left_as_promised
from tests.clients.played import play
from tests.clients.started import Started
from tests.conftest import MODEL

pytestmark = pytest.mark.timeout(600)  # the first run installs
each = pytest.mark.parametrize("over", ["openai", "osdk", "language-models"])

PATH = "/v1/chat/completions"

type Call = Callable[[str, str], Any]


@pytest.fixture
def call(sidecar: Started, provider: SimulatedProvider, clients_of_node: Path) -> Call:
    return lambda over, how: play(sidecar, [NODE, "node/chat.mjs", json.dumps({"over": over, "how": how})])


@each
def test_a_question(call: Call, provider: SimulatedProvider, over: str) -> None:
    assert call(over, "create")["text"].startswith(GREETING)
    assert_left_as_promised(provider, path=PATH)


@each
def test_a_stream_without_the_chunk_nobody_asked_for(
    call: Call, provider: SimulatedProvider, sidecar: Started, over: str
) -> None:
    read = call(over, "stream")
    assert read["text"].startswith(GREETING)
    assert read["usage"] == 0
    assert_left_as_promised(provider, path=PATH)
    assert sidecar.record()["usage.status"] == "reported"


@each
def test_structured_output_goes_back_as_it_was_parsed(call: Call, provider: SimulatedProvider, over: str) -> None:
    assert call(over, "parse")["parsed"].keys() == {"name", "age"}
    assert_left_as_promised(provider, 2, path=PATH)


@each
def test_a_function_tool_goes_round(call: Call, provider: SimulatedProvider, over: str) -> None:
    provider.script("tool_call", "")
    assert "4 characters" in call(over, "tools")["text"]
    assert_left_as_promised(provider, 2, path=PATH)


@pytest.mark.parametrize("how", ["cut=3", "end=3", "error_event"])
@each
def test_a_stream_that_breaks_off_raises(call: Call, provider: SimulatedProvider, over: str, how: str) -> None:
    provider.script(how)
    assert call(over, "stream")["error"]["class"] == "APIError"


@each
def test_embeddings_and_the_models(call: Call, provider: SimulatedProvider, over: str) -> None:
    assert call(over, "embeddings") == {"lengths": [1536, 1536]}
    assert MODEL in call(over, "models")["ids"]
    assert [each.target for each in provider.calls] == ["/v1/embeddings"]
