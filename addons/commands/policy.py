"""``policy``: what may leave and why, row by row, under one configuration; or where two of them differ."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from addons.apis.row_listing import Listed
from addons.apis.table import APIS
from addons.commands.policy_page import page
from addons.configuration import loading
from addons.configuration.fingerprint import judged_by, policy_hash
from addons.configuration.policy_listing import policy_listing
from addons.configuration.settings import Settings
from addons.values.version import VERSION

TITLES: Final = {
    "field": "Fields", "tool": "Tools", "item": "Input items", "message": "Messages", "part": "Content parts",
    "include": "include", "value": "Values and members", "header": "Request headers", "model": "Models",
}  # fmt: skip

LOOSER: Final = "Looser than shipped"

_DECISION: Final = 10  # characters of the longest decision
_NO_ROW: Final = "refuse"  # what no row names is refused


class PolicyRow(NamedTuple):
    """One row as it is shown. ``other`` is what another configuration decides, where two are compared."""

    row: Listed
    other: str = ""

    @property
    def section(self) -> str:
        if self.row.is_looser:
            return LOOSER
        return f"{self.row.api}: {TITLES[self.row.kind]}" if self.row.api else TITLES[self.row.kind]

    @property
    def place(self) -> tuple[bool, int, int]:
        """Where its section stands: what is looser first, then what holds for one API, at last what holds for all."""
        if self.row.is_looser:
            return False, 0, 0
        apis = [*(api.name for api in APIS), ""]
        return True, apis.index(self.row.api), [*TITLES].index(self.row.kind)


def run(config: Path | None, against: Path | None, form: str) -> int:
    """Prints the policy of one configuration, or with ``against`` only the rows that another decides otherwise.

    Raises:
        ConfigurationError: as ``loading.load``.
    """
    today = datetime.now(UTC).date()
    settings = loading.load(config)
    other = loading.load(against) if against else None
    shown = rows(settings, other)
    facts = about(settings, other, today)
    heading = f"Policy of {config or 'development mode, no file'}, {today}"
    if against:
        heading += f"; only what {against} decides otherwise"
    sys.stdout.writelines(f"{line}\n" for line in FORMS[form](heading, facts, shown))
    return 0


def about(settings: Settings, other: Settings | None, today: date) -> dict[str, str]:
    """What the page is signed for: the hashes that records name, and the word for zero data retention."""
    word = settings.provider.zero_data_retention
    notes = [] if word is None else list(word.notes(today))
    facts = {
        "version": VERSION,
        **judged_by(settings),
        "provider.zero_data_retention": "; ".join([str(word or "not attested"), *notes]),
    }
    return facts | ({"policy.hash there": policy_hash(other)} if other else {})


def rows(settings: Settings, other: Settings | None) -> list[PolicyRow]:
    today = datetime.now(UTC).date()
    listing = policy_listing(settings, today)
    if other is None:
        return [PolicyRow(row) for row in listing]
    others = policy_listing(other, today)
    there = {_key(row): row.decision for row in others}
    here = {_key(row) for row in listing}
    found = [PolicyRow(row, there.get(_key(row), _NO_ROW)) for row in listing]
    found += [PolicyRow(replace(row, decision=_NO_ROW), row.decision) for row in others if _key(row) not in here]
    return [each for each in found if each.row.decision != each.other]


def _key(row: Listed) -> tuple[str, str, str]:
    return row.api, row.kind, row.name


def _sections(shown: Sequence[PolicyRow]) -> Iterator[tuple[str, list[PolicyRow]]]:
    for section, found in groupby(sorted(shown, key=lambda each: each.place), lambda each: each.section):
        yield section, list(found)


def _table(heading: str, facts: Mapping[str, str], shown: Sequence[PolicyRow]) -> Iterator[str]:
    yield heading
    yield from (f"  {name}: {fact}" for name, fact in facts.items())
    if not shown:
        yield "no difference"
    for section, found in _sections(shown):
        yield ""
        yield section
        width = max(len(each.row.name) for each in found)
        for each in found:
            row = each.row
            other = f" (there: {each.other})" if each.other else ""
            rule = f"{row.rule}: " if row.rule else ""
            setting = f" [{row.setting}]" if row.setting else ""
            yield f"  {row.name:<{width}}  {row.decision + other:<{_DECISION}}  {rule}{row.reason}{setting}"


def _markdown(heading: str, facts: Mapping[str, str], shown: Sequence[PolicyRow]) -> Iterator[str]:
    yield f"# {heading}\n"
    yield from (f"- `{name}`: {fact}" for name, fact in facts.items())
    compared = any(each.other for each in shown)
    there_too = ["There"] if compared else []
    names = ["Name", "Decision", *there_too, "Rule", "Reason", "Remedy", "Setting", "Source", "Checked"]
    if not shown:
        yield "\nNo difference."
    for section, found in _sections(shown):
        yield f"\n## {section}\n"
        yield _cells(names)
        yield _cells(["---"] * len(names))
        for each in found:
            row = each.row
            there = [each.other] if compared else []
            yield _cells([
                f"`{row.name}`", row.decision, *there, row.rule, row.reason, row.remedy, row.setting, str(row.source),
                str(row.source.checked),
            ])  # fmt: skip


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _json(heading: str, facts: Mapping[str, str], shown: Sequence[PolicyRow]) -> Iterator[str]:
    yield json.dumps({"title": heading, **facts, "rows": [_plain(each) for each in shown]}, indent=2)


def _plain(each: PolicyRow) -> dict[str, Any]:
    row = asdict(each.row) | {"looser": each.row.is_looser}
    row["source"]["checked"] = str(each.row.source.checked)
    return row | ({"there": each.other} if each.other else {})


def _html(heading: str, facts: Mapping[str, str], shown: Sequence[PolicyRow]) -> Iterator[str]:
    yield page(
        heading,
        facts,
        [(section, [(each.row, each.other) for each in found]) for section, found in _sections(shown)],
    )


FORMS: Final[dict[str, Callable[[str, Mapping[str, str], Sequence[PolicyRow]], Iterator[str]]]] = {
    "table": _table,
    "md": _markdown,
    "html": _html,
    "json": _json,
}
