"""The sums of ``./run.sh evidence``; its commands are run by a person."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.evidence import __main__ as program
from tests.evidence.page import page, section, sections, shown
from tests.evidence.parts import PARTS, ROOT, Ended, Extent, Figure, Found, Part, mutants, run
from tests.mutation import rooms

MUTANTS = """\
gates.route: 3 tried, 1 alive, 2 s
  gates.route: Eq -> NotEq: a == b
  gates.body: 8 -> 9: 8 * 2   (equivalent: a bound (of our own))
12 mutants: 10 killed, 1 equivalent, 1 alive; 90.9 %
"""


CASES_OF_VERSION = len(re.findall(r"^def test_", (ROOT / "tests/values/test_version.py").read_text(), re.MULTILINE))


def ended(output: str, code: int = 0, **collected: Any) -> Ended:
    return Ended(["python", "-m", "x"], code, output, collected)


@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        pytest.param(
            MUTANTS,
            1,
            Found(
                [Figure("rooms", 12, 1, "10 killed, 1 judged to change nothing")],
                ["alive: `gates.route: Eq -> NotEq: a == b`", "`gates.body: 8 -> 9: 8 * 2`: a bound (of our own)"],
            ),
            id="what lives is listed, at last what a person judged",
        ),
        pytest.param(
            "the tests of gates.route fail without any fault\n",
            1,
            Found(
                [Figure("rooms", 0, 0)], ["ended with 1: the tests of gates.route fail without any fault"], failed=True
            ),
            id="a run that broke off proves nothing",
        ),
    ],
)
def test_mutants(said: str, code: int, expected: Found) -> None:
    assert mutants("rooms")([ended(said, code)]) == expected


def part(name: str) -> Part:
    return next(each for each in PARTS if each.name == name)


def test_cases_are_counted_and_rows_taken_over() -> None:
    counted = {"passed": 7, "failed": 1, "error": 1}
    rows = [["fuzz", "bodies", 250, 0, "3 kinds"]]
    found = part("Bodies before two judges").read([ended("", 1, counted=counted, rows=rows)])
    assert found == Found([Figure("cases", 9, 2), Figure("fuzz: bodies", 250, 0, "3 kinds")], failed=True)


def test_rows_of_an_area_that_has_many_are_added_up() -> None:
    rows = [["faults", f"kind {number}", 10, number, ""] for number in range(5)]
    found = part("Faults and phases").read([ended("", counted={"passed": 5}, rows=rows)])
    assert found.figures[1:] == [Figure("faults: 5 kinds", 50, 10)]


def test_what_pytest_tried_is_collected() -> None:
    case = "tests/values/test_version.py"
    found = run([sys.executable, "-P", "-m", "pytest", "-q", "-p", "tests.evidence.collecting", case])
    assert found.code == 0, found.output
    assert found.collected["counted"] == {"passed": CASES_OF_VERSION, "failed": 0, "error": 0}
    assert found.collected["rows"] == []


def test_a_section_shows_its_command_without_paths_of_this_machine() -> None:
    one = part("Soak")
    commands = one.commands(Extent(soak_seconds=60))
    made = section(one, commands, Found([Figure("runs", 1200, 0)]), "2026-11-27", 61.4)
    assert "| runs | 1,200 | 0 |  |" in made
    assert "2026-11-27, 61 s:" in made
    assert "-m pytest" in made
    assert str(ROOT) not in made
    assert str(ROOT) not in shown([f"{ROOT}/.venv/bin/python", "-m", "x"])


def test_a_failed_command_is_said() -> None:
    one = PARTS[0]
    assert "ended in failure" in section(one, [["python"]], Found([], failed=True), "2026-11-27", 1)


def test_a_part_that_is_not_run_keeps_what_it_said() -> None:
    first, second, third, *_ = PARTS
    made = {part.name: f"## {part.name}\n\nmade now\n" for part in (first, second)}
    before = page(PARTS, "", {**made, third.name: f"## {third.name}\n\nmade before\n"})
    after = page(PARTS, before, {first.name: f"## {first.name}\n\nmade later\n"})
    found = sections(after)
    assert list(found) == [part.name for part in PARTS]
    assert ["made later" in found[first.name], "made now" in found[second.name]] == [True, True]
    assert "made before" in found[third.name]
    assert "Not run yet" in found["Soak"]
    assert page(PARTS, after, {}) == after


@pytest.mark.parametrize(
    "words",
    [
        ["--mutants", "0"],
        ["--soak-seconds", "-1"],
        ["--only", "nothing-like-it"],
        ["--python", "/no/such/python"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        program.main(words)
    assert words[0] in capsys.readouterr().err


def test_no_soak_unless_asked() -> None:
    assert part("Soak").commands(Extent()) == []


def test_what_a_part_found_is_written_before_the_next_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written = tmp_path / "evidence.md"
    monkeypatch.setattr(program, "PAGE", written)

    def fail_at_the_second(command: Sequence[str]) -> Ended:
        if written.exists():
            raise KeyboardInterrupt
        return ended(MUTANTS)

    monkeypatch.setattr(program, "run", fail_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        program.main(["--write", "--only", "mutants of"])
    assert "12 |" in sections(written.read_text())[PARTS[0].name]


def test_each_pure_room_is_a_part_of_its_own() -> None:
    assert [each.name for each in PARTS if each.name.startswith("Mutants of ")][: len(rooms.PURE)] == [
        f"Mutants of {room}" for room in rooms.PURE
    ]
