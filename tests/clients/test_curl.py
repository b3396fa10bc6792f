"""The documented curl example, with another scheme and host in it."""

import json
import os
import shutil
import subprocess

import pytest

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider
from tests.clients.left import assert_left_as_promised
from tests.clients.started import TOKEN, TOKEN_WITHOUT_SCOPE, Started

EXAMPLE = """
curl -X POST \\
  -H "Content-Type: application/json" \\
  -H "Authorization: Bearer $TOKEN" \\
  "https://$HOSTNAME/api/v2/llm/proxy/openai/v1/responses" \\
  -d '{ "model": "ri.language-model-service..language-model.gpt-5-2", "input": "Hello, world" }'
"""


def run(sidecar: Started, script: str, token: str = TOKEN) -> str:
    assert shutil.which("curl"), "these tests need curl; install it (apt install curl)"
    environment = os.environ | {
        "TOKEN": token,
        "HOSTNAME": f"localhost:{sidecar.port}",
        "no_proxy": "localhost",
        "CURL_CA_BUNDLE": str(sidecar.authority),
    }
    done = subprocess.run(
        ["sh", "-c", script], check=False, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_the_example(sidecar: Started, provider: SimulatedProvider, scheme: str) -> None:
    answer = json.loads(run(sidecar, EXAMPLE.replace("https", scheme)))
    assert answer["output"][0]["content"][0]["text"].startswith(GREETING)
    assert_left_as_promised(provider)
    record = sidecar.record()
    assert (record["caller"], record["foundry.trace.source"]) == ("client", "new")


def test_a_stream(sidecar: Started, provider: SimulatedProvider) -> None:
    text = run(sidecar, EXAMPLE.replace("curl", "curl -N").replace('"input"', '"stream": true, "input"'))
    assert text.startswith("event: response.created\n")
    assert "\nevent: response.completed\n" in text
    assert_left_as_promised(provider)


def test_a_refusal(sidecar: Started, provider: SimulatedProvider) -> None:
    answer = json.loads(run(sidecar, EXAMPLE, TOKEN_WITHOUT_SCOPE))
    assert answer["errorName"] == "ApiUsageDenied"
    assert answer["error"]["code"] == "missing_scope"
    assert provider.dialled == 0


def test_one_exchange_a_connection_is_agreed_on(sidecar: Started) -> None:
    """curl offers HTTP/2 first."""
    script = EXAMPLE.replace("curl", f"curl -o {os.devnull} -w '%{{http_version}}' --http2")
    assert run(sidecar, script) == "1.1"
