"""Mutants of one module, and the tests that are asked: all of the run, by its command."""

import re
import subprocess
import sys

from tests.mutation.rooms import ROOT
from tests.waiting import LONGEST


def run(*words: str) -> tuple[int, str]:
    command = [sys.executable, "-P", "-m", "tests.mutation", *words]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=5 * LONGEST,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_mutants_that_tests_notice_and_others() -> None:
    code, said = run("foundry.rid", "--tests", "foundry/test_catalogue.py", "foundry/test_attribution.py")
    found = re.search(r"(\d+) mutants: (\d+) killed, 0 equivalent, (\d+) alive", said)
    assert found, said
    tried, killed, alive = map(int, found.groups())
    assert (tried, code) == (killed + alive, 1 if alive else 0)
    assert killed
    assert len(re.findall(r"^  foundry.rid: ", said, re.MULTILINE)) == alive


def test_where_nothing_calls_it_every_mutant_lives() -> None:
    code, said = run("foundry.rid", "--tests", "values/test_version.py", "--seeded", "2")
    assert (code, "2 mutants: 0 killed, 0 equivalent, 2 alive" in said) == (1, True), said


def test_tests_that_fail_by_themselves_are_said() -> None:
    code, said = run("foundry.rid", "--tests", "no/such/test.py", "--seeded", "1")
    assert (code, "no/such/test.py" in said) == (1, True), said
