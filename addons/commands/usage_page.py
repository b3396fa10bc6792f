"""``usage --html``: one page of charts, complete in itself: no script, nothing fetched from anywhere.

As Foundry's Resource Management shows it: tokens and requests a minute by model, project and user, with the limits.
"""

import html
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from addons.commands.charts import Style, pygal
from addons.gates.limits_settings import Limit, LimitsSettings
from addons.usage.query import SQLITE, Connection, Dialect, usage

COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c510a", "#777777")
"""Told apart by colour-blind readers too; one for each series."""

LIMIT_COLOUR: Final = "#b00020"
MOST_SERIES: Final = len(COLOURS)
LEGEND_HEIGHT: Final = 21  # of one line
MOST_POINTS: Final = 240
FAR: Final = 10  # a limit so many times above the highest point is told, not drawn: it would flatten the chart

PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Usage</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body {{ font: 15px system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em }}
figure {{ margin: 2em 0 }} figcaption {{ color: #555 }}</style></head><body>
<h1>Usage</h1><p>{began} to {ended}, UTC. {note}</p>
{figures}
</body></html>
"""


class Measure(NamedTuple):
    name: str
    of: Callable[[Mapping[str, Any]], int]
    limit: Callable[[Limit], int | None]


class Grouping(NamedTuple):
    """``of`` names a row's series, or None where it has no place here; ``limit`` is what holds for it."""

    title: str
    of: Callable[[Mapping[str, Any]], tuple[str, ...] | None]
    limit: Callable[[LimitsSettings, tuple[str, ...]], Any]


MEASURES: Final = (
    Measure("Tokens a minute", lambda row: row["total_tokens"], lambda limit: limit.tokens_per_minute),
    Measure("Requests a minute", lambda row: row["calls"] - row["refused"], lambda limit: limit.requests_per_minute),
)
GROUPINGS: Final = (
    Grouping("by model, all traffic", lambda row: (row["model"],), lambda limits, _: limits.enrollment),
    Grouping(
        "by project and model",
        lambda row: (row["project"], row["model"]) if row["project"] else None,
        lambda limits, name: limits.project.get(name[0], limits.project.get("default")),
    ),
    Grouping(
        "by user and model, of calls that name no project",
        lambda row: None if row["project"] else (row["caller"] or "-", row["model"]),
        lambda limits, name: limits.user.get(name[0], limits.user.get("default")),
    ),
)

type Series = dict[tuple[str, ...], list[int]]


def page(connection: Connection, since: float, until: float, limits: LimitsSettings, dialect: Dialect = SQLITE) -> str:
    """The page as HTML, of calls opened between two Unix times."""
    first, last = int(since // 60), int(until // 60)
    step = -(-(last - first + 1) // MOST_POINTS)
    rows = [row for row in usage(connection, since, ("minute", "project", "caller", "model"), dialect) if row["model"]]
    labels = [_time(minute) for minute in range(first, last + 1, step)]
    figures = [
        _figure(f"{measure.name}, {grouping.title}", labels, series, _lines(series, grouping, measure, limits))
        for grouping in GROUPINGS
        for measure in MEASURES
        for series in [_series(rows, grouping, measure, range(first, last + 1), step)]
    ]
    note = "" if step == 1 else f"Each point is the busiest of {step} minutes."
    return PAGE.format(began=_time(first), ended=_time(last), note=note, figures="\n".join(figures))


def _series(
    rows: Iterable[Mapping[str, Any]], grouping: Grouping, measure: Measure, minutes: range, step: int
) -> Series:
    """The largest series; a point is the busiest of ``step`` minutes."""
    counts: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        if name := grouping.of(row):
            counts[name][row["minute"]] += measure.of(row)
    largest = sorted(counts, key=lambda name: (-sum(counts[name].values()), name))[:MOST_SERIES]
    keys = [datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%MZ") for minute in minutes]
    steps = [keys[at : at + step] for at in range(0, len(keys), step)]
    return {name: [max(counts[name].get(key, 0) for key in part) for part in steps] for name in largest}


def _lines(series: Series, grouping: Grouping, measure: Measure, limits: LimitsSettings) -> list[int]:
    """The limits that hold for these series, each once."""
    found = set()
    for name in series:
        entry = grouping.limit(limits, name)
        limit = entry.get(name[-1], entry.get("default")) if isinstance(entry, Mapping) else entry
        if limit and (amount := measure.limit(limit)) is not None:
            found.add(amount)
    return sorted(found)


def _figure(title: str, labels: Sequence[str], series: Series, limits: Sequence[int]) -> str:
    heading = f"<figure><h2>{html.escape(title)}</h2>"
    if not series:
        return f"{heading}<p>none</p></figure>"
    highest = max(max(points) for points in series.values())
    drawn = [limit for limit in limits if limit <= FAR * max(highest, 1)]
    chart = pygal.Line(
        js=[], disable_xml_declaration=True, show_dots=False, include_x_axis=True, value_formatter="{:,.0f}".format,
        width=1000, height=340 + LEGEND_HEIGHT * (len(series) + len(drawn)), margin_right=60,
        show_minor_x_labels=False, x_labels_major_count=6, truncate_legend=-1, truncate_label=-1,
        legend_at_bottom=True, legend_at_bottom_columns=1,
        style=Style(
            colors=(*COLOURS[: len(series)], *[LIMIT_COLOUR] * len(drawn)), opacity="1",
            background="white", guide_stroke_color="#ddd", major_guide_stroke_color="#ddd", guide_stroke_dasharray="",
            major_guide_stroke_dasharray="", font_family="system-ui, sans-serif",
        ),
    )  # fmt: skip
    chart.x_labels = labels
    chart.add_xml_filter(_without_script)
    for name, points in series.items():
        chart.add(" \N{MIDDLE DOT} ".join(_short(part) for part in name), points)
    for limit in drawn:
        chart.add(f"limit {limit:,}", [limit] * len(labels), stroke_style={"dasharray": "8, 4", "width": 2})
    higher = ", ".join(f"{limit:,}" for limit in limits if limit not in drawn)
    caption = f"<figcaption>Limits far above: {higher}</figcaption>" if higher else ""
    return f"{heading}{chart.render()}{caption}</figure>"


def _without_script(root: Any) -> Any:
    for parent in root.iter():
        for script in [child for child in parent if str(child.tag).endswith("script")]:
            parent.remove(script)
    return root


def _short(text: str) -> str:
    """A language model's RID by its locator alone; all else as it is."""
    return text.removeprefix("ri.language-model-service..language-model.")


def _time(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%d %H:%M")
