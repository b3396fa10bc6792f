"""What a person at a terminal is told: how to make a first call, and why one was refused."""

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider
from tests.commands.program import COMMAND, ROOT, environment
from tests.inspecting.web import configuration
from tests.proxy.client import HELLO, post
from tests.waiting import LONGEST

TOKEN = "token-that-a-person-brings"


class Terminal:
    """``start`` on a terminal of its own."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._said = ""
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [*COMMAND, "start", "--config", self._config], env=environment(), stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(LONGEST)
        self._reader.join(LONGEST)
        os.close(self._ours)

    def wait(self, pattern: str) -> re.Match[str]:
        with self._changed:
            if found := self._changed.wait_for(lambda: re.search(pattern, self._said), LONGEST):
                return found
        raise TimeoutError(f"{pattern} did not come; said: {self._said}")

    @property
    def said(self) -> str:
        with self._changed:
            return self._said

    @property
    def port(self) -> int:
        return int(self.wait(r"listens on 127\.0\.0\.1:(\d+)")[1])

    def example(self, title: str) -> str:
        """The lines to copy under this title."""
        text = self.wait(rf"(?s)   {re.escape(title)}:\n(.+?)\n\n")[1]
        return "\n".join(line.removeprefix("   ") for line in text.splitlines())

    def _read(self) -> None:
        try:
            while piece := os.read(self._ours, 4096):
                with self._changed:
                    text = piece.decode("utf-8", "replace").replace("\r\n", "\n")
                    self._said += re.sub("\x1b\\[[0-9;]*m", "", text)
                    self._changed.notify_all()
        except OSError:  # how Linux says that the other side is gone
            pass


@pytest.fixture(scope="module")
def terminal(provider_process: SimulatedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with Terminal(configuration(tmp_path_factory.mktemp("terminal"), provider_process)) as running:
        yield running


def run(*words: str) -> str:
    variables = environment({"TOKEN": TOKEN})
    variables.pop("REQUESTS_CA_BUNDLE", None)  # foundry_sdk would heed it before SSL_CERT_FILE
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_state(terminal: Terminal) -> None:
    for shown in ("policy    enforce; zero data retention attested", "verifier  development", "provider  global"):
        assert terminal.wait(re.escape(shown))


def test_the_line_for_curl_runs(terminal: Terminal) -> None:
    assert GREETING in run("bash", "-c", terminal.example("curl"))


def test_the_lines_for_python_run(terminal: Terminal) -> None:
    assert GREETING in run(sys.executable, "-c", terminal.example("Python, openai"))


def test_the_lines_for_foundry_sdk_run(terminal: Terminal) -> None:
    export, *lines = terminal.example("Python, foundry_sdk (it speaks https alone)").split("\n")
    lines += ["from tests.clients.seed_example import openai_responses", "print(openai_responses('Hi'))"]
    script = f'cd "$1"; {export}; exec "$2" -c "$3"'
    assert GREETING in run("bash", "-c", script, "-", str(ROOT), sys.executable, "\n".join(lines))


def test_the_line_for_codex_is_whole(terminal: Terminal) -> None:
    script = terminal.wait(r"(?s)   Codex:\n(.+?\n)\n")[1].replace("codex ", "printf '%s\\n' ", 1)
    words = run("bash", "-c", script).splitlines()
    assert f'base_url="http://127.0.0.1:{terminal.port}/api/v2/llm/proxy/openai/v1"' in words[-1]


@pytest.mark.parametrize(
    ("body", "request_", "status", "shown"),
    [
        (
            {"tools": [{"type": "mcp"}]},
            {},
            400,
            ["tools[0]", "ZERO_DATA_RETENTION", "Connect the MCP server", "setting: policy.rules.tool.mcp"],
        ),
        ({"store": True}, {}, 400, ["store", "ZERO_DATA_RETENTION", "or send false", "setting: policy.store_true"]),
        (
            {"tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}]},
            {},
            400,
            ["tools[1]", "GEORESTRICTION", "open web", "setting: policy.web_search"],
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x.example/a"}]}]},
            {},
            400,
            ["input[0].content[0].image_url", "GEORESTRICTION", "data: URL", "setting: policy.remote_urls"],
        ),
        ({"future": 1}, {}, 400, ["future", "UNKNOWN", "check its spelling", "setting: policy.rules.UNKNOWN"]),
        ({"model": "gpt-5.2"}, {}, 400, ["model", "Did you mean ri.", "setting: models.allow_plain_names"]),
        ({}, {"without": ["authorization"]}, 401, ["No bearer token", "setting: caller.verifier"]),
        ({}, {"host": "elsewhere.example"}, 404, ["not_found", "setting: foundry.hostnames"]),
    ],
)
def test_a_refused_call_is_one_line_that_teaches(
    terminal: Terminal, body: dict[str, object], request_: dict[str, Any], status: int, shown: list[str]
) -> None:
    before = terminal.said
    assert post(terminal.port, {**HELLO, **body}, **request_).status == status
    terminal.wait(rf"(?s){re.escape(before)}.*refused {status} .*\n")
    (line,) = (each for each in terminal.said.removeprefix(before).splitlines() if f"refused {status}" in each)
    for each in shown:
        assert each in line


def test_a_served_call_is_one_line(terminal: Terminal) -> None:
    assert post(terminal.port).status == 200
    assert "gpt-5.2 · development" in terminal.wait(r"served  200 .*\n")[0]
