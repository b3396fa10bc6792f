"""`demo` and `simulate` as a person runs them."""

import signal
import subprocess

from tests.commands.program import COMMAND, environment, run
from tests.waiting import LONGEST


def test_the_demo_shows_two_calls_served_and_three_refused() -> None:
    ended = run("demo")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count("\n== ") == 6
    assert ended.stdout.count("with the provider's key") == 2
    assert ended.stdout.count("the provider was not dialled") == 3
    assert "curl -X POST" in ended.stdout
    assert "Traceback" not in ended.stderr


def test_the_simulated_provider_alone() -> None:
    with subprocess.Popen(
        [*COMMAND, "simulate"], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        said = ""
        while "https://" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST) in {0, 130}
