"""Figures as a table for people and as JSON for machines: medians, and ratios of what one round measured."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from tests.bench.cases import ADDON, CASES, EVERYONE, LITELLM, PLAIN, SIDECAR
from tests.bench.measuring import Figures
from tests.bench.rows import ROWS, SERVING, Goal, Row

BASES: Final = (PLAIN, ADDON, LITELLM, SERVING)

SVG: Final = "http://www.w3.org/2000/svg"
COLOURS: Final = (("#3b82c4", "measured"), ("#e08214", "goal"))
WIDTH: Final = 1000
LABELS: Final = 480  # of the chart's width
ROW: Final = 38


def summary(figures: Figures) -> list[dict[str, Any]]:
    """For each row that was measured: every round's figures, their medians, the sidecar's ratios, and its goal."""
    return [_row(row, figures) for row in ROWS if (row.case, row.measure, SIDECAR) in figures]


def machine() -> dict[str, str | int]:
    """Where it was measured."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
        "mitmproxy": version("mitmproxy"),
        "load": f"{os.getloadavg()[0]:.2f}",
    }


def _row(row: Row, figures: Figures) -> dict[str, Any]:
    by_name = {name: figures.get((row.case, row.measure, name)) for name in EVERYONE}
    rounds = {name: values for name, values in by_name.items() if values}
    bases = {name: rounds[name] for name in BASES if name in rounds}
    if not bases:  # the sidecar's alone: compared with the case that is like it
        like = CASES[row.case].like
        calls = {PLAIN: figures.get((like, row.measure, PLAIN)), SERVING: figures[like, row.measure, SIDECAR]}
        bases = {name: values for name, values in calls.items() if values}
    own = rounds[SIDECAR]
    ratios = {name: [mine / base for mine, base in zip(own, bases[name], strict=True)] for name in bases}
    return {
        "case": row.case,
        "unit": row.unit,
        "rounds": rounds,
        "median": {name: median(values) for name, values in rounds.items()},
        "ratio": {
            name: {"median": median(values), "low": min(values), "high": max(values)} for name, values in ratios.items()
        },
        "goal": _goal(row.goal, own, bases[row.goal.against]) if row.goal and row.goal.against in bases else None,
    }


def _goal(goal: Goal, own: list[float], base: list[float]) -> dict[str, Any]:
    over = median(mine - (goal.times * other + goal.plus) for mine, other in zip(own, base, strict=True))
    plus = f" + {goal.plus:g}" if goal.plus else ""
    sign = "\N{GREATER-THAN OR EQUAL TO}" if goal.at_least else "\N{LESS-THAN OR EQUAL TO}"
    met = over >= 0 if goal.at_least else over <= 0
    return {"text": f"{sign} {goal.times:g} {goal.against}{plus}", "met": met, **goal._asdict()}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text, a heading for each case."""
    names = [name for name in EVERYONE if any(name in row["median"] for row in rows)]
    bases = [name for name in BASES if any(name in row["ratio"] for row in rows)]
    lines = [_line("", names, [f"of {name}" for name in bases], "goal")]
    case = None
    for row in rows:
        if row["case"] != case:
            case = row["case"]
            lines.append(case)
        values = [_number(row["median"].get(name)) for name in names]
        compared = [_ratio(row["ratio"].get(name)) for name in bases]
        goal = row["goal"]
        verdict = "" if goal is None else f"{goal['text']}: {'met' if goal['met'] else 'missed'}"
        lines.append(_line(f"  {row['unit']}", values, compared, verdict))
    return "\n".join(lines)


def chart(rows: list[dict[str, Any]], where: str) -> bytes:
    """The rows that have a goal as bars: the sidecar's figure as a share of what the goal compares it with, as SVG."""
    shown = [row for row in rows if row["goal"] and not (row["goal"]["plus"] or row["goal"]["at_least"])]
    bars = [(row, row["ratio"][row["goal"]["against"]]["median"], row["goal"]["times"]) for row in shown]
    longest = max([1.0, *(max(measured, goal) for _, measured, goal in bars)])
    height = 70 + ROW * len(bars)
    drawn = Element("svg", xmlns=SVG, viewBox=f"0 0 {WIDTH} {height}", style="font: 13px sans-serif; background: white")
    _text(drawn, 10, 24, where)
    for place, (colour, word) in enumerate(COLOURS):
        SubElement(drawn, "rect", x=f"{10 + 110 * place}", y="38", width="12", height="12", fill=colour)
        _text(drawn, 28 + 110 * place, 49, word)
    for number, (row, *amounts) in enumerate(bars):
        top = 66 + ROW * number
        _text(drawn, 10, top + 20, f"{row['case']}: {row['unit']}, of {row['goal']['against']}")
        for place, ((colour, _), amount) in enumerate(zip(COLOURS, amounts, strict=True)):
            length = (WIDTH - LABELS - 60) * amount / longest
            y = top + 15 * place
            SubElement(drawn, "rect", x=f"{LABELS}", y=f"{y}", width=f"{length:.1f}", height="13", fill=colour)
            _text(drawn, LABELS + length + 6, y + 11, f"{amount:.2f}")
    return tostring(drawn)


def _text(drawn: Element, x: float, y: float, words: str) -> None:
    SubElement(drawn, "text", x=f"{x:.1f}", y=f"{y}").text = words


def _line(unit: str, values: Any, ratios: Any, goal: str) -> str:
    cells = [f"{unit:<46}", *(f"{value:>8}" for value in values), *(f"{ratio:>17}" for ratio in ratios), f"  {goal}"]
    return "".join(cells).rstrip()


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(ratio: Mapping[str, float] | None) -> str:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f})" if ratio else "-"
