"""The measurement itself, at its smallest: every row comes out. What the figures are is nobody's to assert."""

import json
import math
from pathlib import Path

import pytest

from tests.bench.__main__ import main
from tests.bench.cases import CASES, JSON, PLAIN, ROWS, SIDECAR, START, Goal
from tests.bench.contenders import installed
from tests.bench.measuring import Figures
from tests.bench.report import summary, table


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
        assert set(row["rounds"]) == set(installed()) & set(case.contenders if case else installed())
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


@pytest.mark.parametrize("arguments", [["--rounds", "-1"], ["--scale", "-1"], ["--unknown"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
