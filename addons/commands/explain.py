"""``explain``: what the sidecar would do with calls, and why; or which of them another configuration treats otherwise.

Calls come from bodies, recordings, saved flows, and, as far as they tell, from collected records.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from addons.commands.explain_outcome import Treated, decided, summary, summary_text, without_marks
from addons.commands.explain_records import NotTold, RecordJudge
from addons.commands.explain_sources import Found, Reader, Recorded, Unread
from addons.configuration import build_rules, loading, meaning, overrides
from addons.configuration.errors import ConfigurationError
from addons.configuration.settings import Settings
from addons.gates.order import Gates
from addons.inspecting.explanation import Asked, Explanation, explain
from addons.inspecting.explanation_text import difference, difference_text, document, text
from addons.usage.memory_counters import MemoryCounters
from addons.values.printable import printable
from addons.values.secret import SecretError
from addons.verifiers.development import Development


def run(files: Sequence[str], config: Path | None, against: Path | None, given: Sequence[str], *, as_json: bool) -> int:
    """0 when all would be served, 1 when some would be refused (with ``against``: by that configuration), 2 where
    nothing could be judged. ``given`` are settings laid over ``against``, or over ``config`` where it stands alone.

    Raises:
        ConfigurationError: as ``loading.load``, or a secret the policy needs can't be had.
    """
    base = loading.load(config) if against else None
    with _laid_over(given):
        tried = loading.load(against or config)
    host = min(meaning.hosts(tried) if base is None else meaning.hosts(base) & meaning.hosts(tried))
    models = [model for each in (base, tried) if each for model in meaning.catalogue_of(each).models]
    found = list(Reader(host, models).read(files))
    treated, unread = _judge(found, base, tried)
    for each in unread:
        print(printable(str(each)), file=sys.stderr)
    if not treated:
        print(f"{', '.join(files)}: holds no request that can be judged", file=sys.stderr)
        return 2
    compared = any(each.before for each in treated)
    (_show_json if as_json else _show)(treated, unread, compared=compared)
    return int(any(each.after.refused for each in treated))


@contextmanager
def _laid_over(given: Sequence[str]) -> Iterator[None]:
    before = os.environ.get(overrides.SET_VARIABLE)
    overrides.apply_overrides(given)
    try:
        yield
    finally:
        os.environ.pop(overrides.SET_VARIABLE, None)
        if before is not None:
            os.environ[overrides.SET_VARIABLE] = before


def _judge(found: Sequence[Found], base: Settings | None, tried: Settings) -> tuple[list[Treated], list[Unread]]:
    asked = [each for each in found if isinstance(each, Asked)]
    after = dict(zip(map(id, asked), _explain(asked, tried), strict=True))
    before = dict(zip(map(id, asked), _explain(asked, base), strict=True)) if base else {}
    records = RecordJudge(base or tried, tried, datetime.now(UTC).date())
    judged: list[Treated | Unread] = []
    for each in found:
        if isinstance(each, Asked):
            judged.append(_of_request(each, before.get(id(each)), after[id(each)]))
        else:
            judged.append(_of_record(each, records) if isinstance(each, Recorded) else each)
    unread = [each for each in judged if isinstance(each, Unread)]
    return [each for each in judged if isinstance(each, Treated)], unread


def _of_request(asked: Asked, before: Explanation | None, after: Explanation) -> Treated | Unread:
    body = json.loads(asked.body) if asked.redacted else None
    sides = [without_marks(each, asked, body) for each in (before, after) if each]
    if unread := [side for side in sides if isinstance(side, Unread)]:
        return unread[0]
    known = [side for side in sides if isinstance(side, Explanation)]
    return Treated(
        asked.name,
        asked.caller,
        asked.projects,
        after=decided(known[-1]),
        before=decided(known[0]) if before else None,
        explained=known[-1],
        explained_before=known[0] if before else None,
    )


def _of_record(recorded: Recorded, records: RecordJudge) -> Treated | Unread:
    record = recorded.record
    try:
        before = records.at_the_time(record)
        after = records.now(record, before)
    except NotTold as why:
        return Unread(recorded.name, str(why))
    projects = record.get("foundry.attribution") or ()
    return Treated(recorded.name, record.get("caller"), tuple(map(str, projects)), after=after, before=before)


def _explain(asked: Sequence[Asked], settings: Settings) -> list[Explanation]:
    async def explain_all(gates: Gates) -> list[Explanation]:
        return [await explain(gates, each) for each in asked]

    try:
        # The verifier is never asked; this one needs no file and no network.
        return asyncio.run(
            explain_all(build_rules.gates(settings, Development(), build_rules.Lasting(MemoryCounters())))
        )
    except SecretError as error:
        raise ConfigurationError(f"policy.safety_identifier: {error}") from None


def _show(treated: Sequence[Treated], unread: Sequence[Unread], *, compared: bool) -> None:
    colour = sys.stdout.isatty()
    if compared or len(treated) > 1 or unread:
        print("\n".join(summary_text(summary(treated, unread, compared=compared))), end="\n\n")
    shown = [each for each in treated if each.differences or not each.before]
    print("\n\n".join(_text(each, colour=colour) for each in shown))


def _text(each: Treated, *, colour: bool) -> str:
    if each.explained and each.explained_before:
        return difference_text(each.name, difference(each.explained_before, each.explained), colour=colour)
    if each.explained:
        return text(each.explained, colour=colour)
    return "\n".join(map(printable, (f"{each.name}:", *(f"  {difference}" for difference in each.differences))))


def _show_json(treated: Sequence[Treated], unread: Sequence[Unread], *, compared: bool) -> None:
    shown = [_document(each) for each in treated if each.differences or not each.before]
    print(
        json.dumps(
            {
                "summary": summary(treated, unread, compared=compared),
                "requests": shown,
                "not_judged": [each._asdict() for each in unread],
            },
            indent=2,
        )
    )


def _document(each: Treated) -> dict[str, Any]:
    whose = {"caller": each.caller, "projects": list(each.projects)}
    if each.explained and each.explained_before is None:
        return document(each.explained) | whose
    told = {"name": each.name, **whose, "differences": [difference._asdict() for difference in each.differences]}
    if each.explained and each.explained_before:
        return told | {
            "differs": difference(each.explained_before, each.explained),
            "before": document(each.explained_before),
            "after": document(each.explained),
        }
    assert each.before
    return told | {name: {"refused": side.refused} for name, side in (("before", each.before), ("after", each.after))}
