"""`version`, and the same as an option."""

import pytest

from addons.values.version import VERSION
from tests.commands.program import run


@pytest.mark.parametrize(
    ("words", "more"), [("--version", "\n"), ("version", " (Python 3.")], ids=["an option", "a command"]
)
def test_it_names_the_program(words: str, more: str) -> None:
    ended = run(words)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"foundry-sidecar {VERSION}{more}")
    assert ("mitmproxy 12." in ended.stdout) == (words == "version")
