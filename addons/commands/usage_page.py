"""``usage --html``: one page, complete in itself: tables and charts of what was used, and a choice of the period.

What is counted comes from ``addons.usage.query`` alone. The page is a template beside this file, with three parts put
in: what was used, as JSON; plotly.js, out of its package; and the page's own script, which draws from the JSON.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from addons.commands.usage_standing import GROUP, LimitUse, Periods, limits
from addons.gates.limits_settings import LimitsSettings
from addons.usage.query import SQLITE, Connection, Dialect, usage

HERE: Final = Path(__file__).parent
MEASURES: Final = (
    "calls", "served", "refused", "failed", "input_tokens", "cached_tokens", "output_tokens", "total_tokens", "cost",
)  # fmt: skip
DAY: Final = 86_400.0

GRAINS: Final = (("minute", 60, DAY), ("hour", 3600, 92 * DAY), ("day", 86_400, float("inf")))
"""The steps in which usage is put into the page: name of the dimension, seconds, and the longest period it serves."""


def page(
    connection: Connection, since: float, until: float, settings: LimitsSettings, dialect: Dialect = SQLITE
) -> str:
    """The page as HTML, of calls opened between two Unix times."""
    from plotly.offline import get_plotlyjs

    told = _told(connection, since, until, settings, dialect)
    scripts = {"LIBRARY": get_plotlyjs(), "SCRIPT": (HERE / "usage_page.js").read_text("utf-8")}
    allowed = _hashes(scripts.values())
    parts = {
        "POLICY": f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {allowed}",
        "USAGE": json.dumps(told, separators=(",", ":")).replace("<", "\\u003c"),  # so that no name ends the script
        **scripts,
    }
    text = (HERE / "usage_page.html").read_text("utf-8")
    first, *rest = text.split("{{")
    pieces = [first]
    for piece in rest:
        name, _, after = piece.partition("}}")
        pieces += [parts[name], after]
    return "".join(pieces)


def _told(
    connection: Connection, since: float, until: float, settings: LimitsSettings, dialect: Dialect
) -> Mapping[str, Any]:
    name, seconds = next((name, seconds) for name, seconds, longest in GRAINS if until - since <= longest)
    rows = usage(connection, since, (name, *GROUP), dialect)
    busy = rows if name == "minute" else usage(connection, max(since, until - DAY), ("minute", *GROUP), dialect)
    periods = Periods(settings.budgets, since, until)
    held: list[LimitUse] = [
        *limits((row for row in busy if row["model"]), settings),
        *periods.budgets(connection, dialect),
    ]
    return {
        "began": since,
        "ended": until,
        "grain": seconds,
        "rows": [[_seconds(row[name]), *_group(row), *(row[measure] for measure in MEASURES)] for row in rows],
        "held": [each._asdict() for each in sorted(held)],
        "starts": periods.starts(),
        "before": {
            period: [[*_group(row), row["total_tokens"], row["calls"] - row["refused"], row["cost"]] for row in rows]
            for period, rows in periods.before(connection, dialect).items()
        },
        "zone": settings.budgets.time_zone,
    }


def _group(row: Mapping[str, Any]) -> Sequence[str | None]:
    return [row[name] for name in GROUP]


def _seconds(moment: str) -> int:
    """The dimension's own words as a Unix time."""
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())


def _hashes(scripts: Iterable[str]) -> str:
    """What the page's policy (CSP level 2) lets run: these scripts, and nothing that a name may have smuggled in."""
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
