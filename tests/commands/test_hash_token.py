"""`hash-token`: its output is what the registry reads."""

import subprocess
from pathlib import Path

import pytest

from addons.foundry.caller import SCOPE, Caller, token_hash
from addons.verifiers.registry import Registry
from addons.verifiers.well_formed import LONGEST_TOKEN
from tests.commands.program import COMMAND, environment
from tests.sources.raised_alarms import a_fault
from tests.verifiers.refusals import run, verdict
from tests.waiting import LONGEST


def hashed(given: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "hash-token", *words],
        input=given,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


@pytest.mark.parametrize("given", ["a-token", "a-token\n", "  a-token \r\n"])
def test_a_lines_end_is_no_part_of_the_token(given: str) -> None:
    ended = hashed(given)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{token_hash('a-token')}\n", "")


@pytest.mark.parametrize("subject", ["app", 'an "app": #1, {it}', "system:serviceaccount:apps:app"])
def test_a_row_that_the_registry_knows_the_token_by(tmp_path: Path, subject: str) -> None:
    ended = hashed("a-token\n", "--subject", subject)
    (tmp_path / "tokens.yaml").write_text(ended.stdout)
    registry = Registry(tmp_path / "tokens.yaml", a_fault())
    assert run(verdict(registry, "a-token")) == Caller(subject, frozenset({SCOPE}))


@pytest.mark.parametrize(
    "given",
    ["", "\n", "two words", "two\nlines", "Bearer a-token", "tökén", "a" * (LONGEST_TOKEN + 1)],
    ids=["nothing", "a line", "words", "lines", "a header", "no ASCII", "long"],
)
def test_what_is_no_token(given: str) -> None:
    ended = hashed(given)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "that is no bearer token" in ended.stderr
    if given.strip():
        assert given.strip() not in ended.stderr


@pytest.mark.parametrize("subject", ["", "zwei\nzeilen", "m\u00fcller", "a" * 257])
def test_a_subject_that_the_registry_would_refuse(subject: str) -> None:
    ended = hashed("a-token", "--subject", subject)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "a subject is printable ASCII" in ended.stderr
