"""`demo` and `simulate` as a person runs them: what they print last works."""

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.commands.program import COMMAND, Program, environment, run
from tests.proxy.client import post
from tests.waiting import LONGEST


def test_the_demo_shows_two_calls_served_and_three_refused() -> None:
    ended = run("demo")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("\n== ") == 6
    assert ended.stdout.count("with the provider's key") == 2
    assert ended.stdout.count("the provider was not dialled") == 3
    assert "Traceback" not in ended.stderr
    _, next_steps = ended.stdout.split("== What next")
    listed = run("--help").stdout
    named = re.findall(r"\./run\.sh (\w+)", next_steps)
    assert named == ["demo", "simulate", "start", "web"]
    assert [name for name in named if not re.search(rf"^    {name}\b", listed, re.MULTILINE)] == []
    assert "127.0.0.1" not in next_steps, "what the demo started is gone"


@contextmanager
def saying(words: list[str], last: str, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """A command that stays up, and what it said until a line that holds ``last``; ended by Ctrl-C."""
    with subprocess.Popen(
        [*COMMAND, *words], env=environment(more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        said = ""
        try:
            while last not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            yield said
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LONGEST)
    assert process.returncode in {0, 130}


def test_what_the_demo_says_while_it_stays_works() -> None:
    with saying(["demo", "--stay"], "press Ctrl-C", {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": ""}) as said:
        _, by_hand = said.split("== Try it by hand")
        assert "   export NO_PROXY=localhost,127.0.0.1   # HTTPS_PROXY is set" in by_hand
        found = re.search(r"   curl:\n((?:.*\n)+?)\n", by_hand)
        assert found
        answer = subprocess.run(["bash", "-c", found[1]], capture_output=True, text=True, timeout=30, check=True).stdout
    assert json.loads(answer)["status"] == "completed"


def test_the_sidecar_asks_the_simulated_provider_as_it_says() -> None:
    with saying(["simulate"], "Directives") as said:
        (key, start) = re.findall(r"^  ((?:export|\./run\.sh start) .*)$", said, re.MULTILINE)
        name, _, value = key.removeprefix("export ").partition("=")
        words = [*shlex.split(start)[1:], "--set", "listen.reverse=127.0.0.1:0", "--set", "usage.ledger=off"]
        with Program(*words, env={name: value}) as sidecar:
            assert post(sidecar.port).status == 200
            assert sidecar.stop() == 0
