"""`completion` as bash takes it, and `help COMMAND`."""

import subprocess

import pytest

from tests.commands.program import run

ASKED = """
source /dev/stdin
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_foundry_sidecar
echo "${COMPREPLY[@]}"
complete -p run.sh >&2
"""


def completed(*words: str) -> list[str]:
    script = run("completion")
    assert (script.returncode, script.stderr) == (0, "")
    ended = subprocess.run(
        ["bash", "-uc", ASKED, "bash", "./run.sh", *words],
        input=script.stdout, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert "-F _foundry_sidecar run.sh" in ended.stderr
    return ended.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["us"], ["usage"]),
        (["--v"], ["--version"]),
        (["usage", "--s"], ["--since", "--shared"]),
        (["usage", "--html", ""], []),
        (["policy", "--format", "m"], ["md"]),
        (["start", "--record-content", ""], ["redacted", "kept"]),
        (["help", "sim"], ["simulate"]),
        (["replay", "calls"], []),
    ],
)
def test_bash_completes(words: list[str], expected: list[str]) -> None:
    assert completed(*words) == expected


def test_help_says_what_a_command_takes() -> None:
    about = run("help", "usage")
    assert about.returncode == 0
    assert about.stdout == run("usage", "--help").stdout
    assert run("help").stdout == run("--help").stdout
    assert run("help", "nonsense").returncode == 2
