"""The measurement itself, at its smallest: every row comes out. What the figures are is nobody's to assert."""

import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from tests.bench import contenders, measuring
from tests.bench.__main__ import QUICK, main
from tests.bench.cases import ADDON, CASES, HISTORY, HISTORY_MORE, JSON, LITELLM, PLAIN, SIDECAR, START, STRANGER
from tests.bench.contenders import installed
from tests.bench.measuring import Figures
from tests.bench.report import summary, table
from tests.bench.rows import INSTRUCTIONS, ROWS, SERVING, Goal, Row


def test_every_row_has_positive_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, drawn = tmp_path / "bench.json", tmp_path / "bench.svg"
    assert main(["--rounds", "1", "--scale", "0.001", "--json", str(file), "--chart", str(drawn)]) == 0
    printed = capsys.readouterr()
    result = json.loads(file.read_text())
    assert [(row["case"], row["unit"]) for row in result["rows"]] == [
        (row.case, row.unit) for row in ROWS if row.measure != "instructions"
    ]
    for row in result["rows"]:
        case = CASES.get(row["case"])
        started = set(installed()) - set(result["left out"])
        assert set(row["rounds"]) == started & set(case.contenders if case else started)
        assert all(len(values) == 1 and values[0] > 0 for values in row["rounds"].values())
        assert row["ratio"]
        assert f"\n{row['case']}\n" in printed.out
    assert result["machine"]["processor"] in printed.out
    assert f"{JSON}: CPU ms a call, of {PLAIN}" in drawn.read_text()
    for name in (*CASES, START):
        assert f"round 1 of 1: {name}, {SIDECAR}\n" in printed.err


@pytest.mark.parametrize(
    ("goal", "plain", "sidecar", "met"),
    [
        (Goal(PLAIN, 0.75), [2.0, 4.0, 2.0], [1.5, 3.0, 9.0], True),  # the median of the rounds decides
        (Goal(PLAIN, 0.75), [2.0, 4.0, 2.0], [1.6, 3.1, 0.1], False),
        (Goal(PLAIN, 1, plus=25), [80.0, 80.0, 80.0], [104.0, 105.0, 106.0], True),
        (Goal(PLAIN, 1, plus=25), [80.0, 80.0, 80.0], [104.0, 106.0, 106.0], False),
        (Goal(PLAIN, 15, at_least=True), [2.0, 4.0, 2.0], [31.0, 60.0, 1.0], True),
        (Goal(PLAIN, 15, at_least=True), [2.0, 4.0, 2.0], [31.0, 59.0, 29.0], False),
    ],
)
def test_ratios_and_goals_compare_what_one_round_measured(
    goal: Goal, plain: list[float], sidecar: list[float], met: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ROWS[0]._replace(goal=goal)
    monkeypatch.setattr("tests.bench.report.ROWS", (row,))
    figures: Figures = {(row.case, row.measure, PLAIN): plain, (row.case, row.measure, SIDECAR): sidecar}
    (summed,) = summary(figures)
    ratios = sorted(mine / other for mine, other in zip(sidecar, plain, strict=True))
    assert [summed["ratio"][PLAIN][name] for name in ("low", "median", "high")] == ratios
    assert math.isclose(summed["median"][PLAIN], sorted(plain)[1])
    assert summed["goal"]["met"] is met
    assert ("met" if met else "missed") == table([summed]).rpartition(": ")[2]


def test_what_the_sidecar_alone_has_is_compared_with_the_json_call(monkeypatch: pytest.MonkeyPatch) -> None:
    goal = Goal(PLAIN, 0.14)
    monkeypatch.setattr("tests.bench.report.ROWS", (Row(STRANGER, "instructions", INSTRUCTIONS, goal),))
    figures: Figures = {
        (JSON, "instructions", PLAIN): [10.0],
        (JSON, "instructions", SIDECAR): [3.0],
        (STRANGER, "instructions", SIDECAR): [1.5],
    }
    (summed,) = summary(figures)
    assert {name: ratio["median"] for name, ratio in summed["ratio"].items()} == {PLAIN: 0.15, SERVING: 0.5}
    assert summed["goal"]["met"] is False
    del figures[JSON, "instructions", PLAIN]  # it did not start
    (summed,) = summary(figures)
    assert set(summed["ratio"]) == {SERVING}
    assert summed["goal"] is None


SAYS_WHY: Final = (sys.executable, "-c", "import sys; sys.exit('a key is missing')")


def without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """This contender ends at once."""
    own = contenders._command
    monkeypatch.setattr(contenders, "_command", lambda each, *more: SAYS_WHY if each == name else own(each, *more))


def only(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "CASES", {case: CASES[case]})


def test_a_contender_that_does_not_start_is_left_out_with_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without(ADDON, monkeypatch)
    only(JSON, monkeypatch)
    file = tmp_path / "bench.json"
    assert main(["--rounds", "2", "--scale", "0.001", "--json", str(file)]) == 0
    printed, result = capsys.readouterr(), json.loads(file.read_text())
    assert result["left out"] == [ADDON]
    assert all(set(row["rounds"]) == set(installed()) - {ADDON} for row in result["rows"])
    for said in (printed.out, printed.err):
        assert "addon did not start" in said
        assert "a key is missing" in said
    assert printed.err.count("addon did not start") == 1  # it is not tried again


def test_a_sidecar_that_does_not_start_ends_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without(SIDECAR, monkeypatch)
    only(JSON, monkeypatch)
    assert main(["--rounds", "1", "--scale", "0.001"]) == 1
    assert "sidecar did not start" in capsys.readouterr().err


def test_litellm_gets_its_master_key_and_its_calls_bear_it() -> None:
    environment = contenders._environment_of(LITELLM, contenders.Provider(1, "ca.pem"))
    (request,) = CASES[JSON].requests(LITELLM, 1)
    assert f"Authorization: Bearer {environment['LITELLM_MASTER_KEY']}\r\n".encode() in request


def test_histories_are_first_seen_or_one_turn_longer_than_the_last() -> None:
    first = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in CASES[HISTORY].requests(SIDECAR, 2)]
    assert len(first) == 3
    assert all(one["input"][0] != other["input"][0] for one, other in pairwise(first))
    assert all(one["tools"][0] != other["tools"][0] for one, other in pairwise(first))
    more = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in CASES[HISTORY_MORE].requests(SIDECAR, 2)]
    assert all(other["input"][: len(one["input"])] == one["input"] != other["input"] for one, other in pairwise(more))
    assert all(one["tools"] == other["tools"] for one, other in pairwise(more))


def test_every_help_says_how_long_quick_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    own = " ".join(capsys.readouterr().out.split())
    command = [sys.executable, "-P", "-m", "addons", "--help"]
    all_commands = subprocess.run(command, capture_output=True, text=True, check=True, cwd=contenders.ROOT).stdout
    assert f"--quick {QUICK}" in own
    assert f"(--quick: {QUICK})" in " ".join(all_commands.split())
    assert f"`--quick`: {QUICK}" in (contenders.ROOT / "README.md").read_text()


@pytest.mark.parametrize("arguments", [["--rounds", "-1"], ["--scale", "-1"], ["--unknown"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
