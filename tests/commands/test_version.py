"""`version`, and the same as an option."""

import pytest

from addons.values.version import VERSION
from tests.commands.program import run


@pytest.mark.parametrize("words", ["version", "--version"])
def test_it_names_the_program_and_what_it_runs_on(words: str) -> None:
    ended = run(words)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"foundry-sidecar {VERSION} (Python 3.")
    assert "mitmproxy 12." in ended.stdout
