"""Makes from the settings what keeps and shows records of calls: the ledger, telemetry, the operator's own listener."""

import os
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from addons.call import Call
from addons.configuration.settings import Settings
from addons.exchange.observing import Observed
from addons.exchange.rules import InForce
from addons.gates.budget_recovery import UsedBefore
from addons.journal import conventions
from addons.journal.journal import Sink
from addons.journal.readings import Reading
from addons.journal.telemetry import Telemetry
from addons.process import logs
from addons.process.admin import Admin, Page, alive, readiness, version
from addons.process.start_and_stop import StartAndStop
from addons.usage.ledger_rows import LedgerRows
from addons.usage.ledger_writer import LedgerWriter
from addons.usage.memory_ledger import MemoryLedger
from addons.usage.rows_on_disk import RowsOnDisk
from addons.usage.used_before import from_ledger, from_shared
from addons.values.address import split_address
from addons.values.secret import Secret
from addons.values.version import VERSION

if TYPE_CHECKING:
    from addons.usage.shipper import Shipper

ABOUT: Final = {conventions.SERVICE_VERSION: VERSION}
"""Attributes of the process, in every record and metric."""


class Kept(NamedTuple):
    """The parts of one way to keep records of calls; all empty where the settings do not want it."""

    parts: tuple[Any, ...] = ()  # addons, which come after the Journal
    sinks: tuple[Sink, ...] = ()  # get each record
    readings: tuple[Reading, ...] = ()  # for metrics
    before_release: tuple[Callable[[Call], Awaitable[None]], ...] = ()  # awaited before a call is sent
    needed: tuple[Callable[[], Awaitable[str | None]], ...] = ()  # for readiness: each says what is missing, or None


def ledger(settings: Settings) -> Kept:
    """The ledger, which has a row for each call. Touches no disk before the sidecar runs."""
    usage, run = settings.usage, _process()
    own: LedgerWriter | MemoryLedger
    waiting: RowsOnDisk | MemoryLedger
    if usage.ledger == "memory":
        own = waiting = MemoryLedger(usage.memory_rows, run)
    elif path := usage.path(settings.listen.certificates):
        own, waiting = LedgerWriter(path, usage.keep_days, ship=usage.shared is not None, run=run), RowsOnDisk(path)
    else:
        return Kept()
    shipper = _shipper(waiting, usage.shared) if usage.shared else None
    rows = LedgerRows(own, usage.on_failure, shipper)
    readings = (*_readings(own), *(_shipping(shipper) if shipper else ()))
    return Kept((StartAndStop("sidecar-ledger", rows),), (rows.close,), readings, (rows.open,), (rows.missing,))


def telemetry(
    settings: Settings,
    in_force: InForce,
    missing: Callable[[], Sequence[str]],
    under_way: Collection[Observed],
    more: Sequence[Reading],
) -> Kept:
    """Metrics, spans and the operator's own listener.

    Args:
        settings: the whole configuration.
        in_force: the rules, whose hashes are shown.
        missing: why the sidecar should get no new calls; empty where it should. For ``/readyz``.
        under_way: the calls under way, at any time.
        more: further readings for metrics.
    """
    admin, otlp = settings.listen.admin, settings.telemetry.otlp_endpoint
    if not (admin or otlp):
        return Kept()
    about = partial(_about, in_force)
    readings = (
        Reading("foundry.sidecar.build.info", "1", "the program, and the rules in force", lambda: [(1, about())]),
        Reading("foundry.sidecar.calls.open", "{call}", "calls under way, by state", lambda: _by_state(under_way)),
        Reading(
            "foundry.sidecar.log.dropped",
            "{line}",
            "lines of the log not written since the start",
            lambda: [(logs.dropped(), {})],
            counts=True,
        ),
        *more,
    )
    own = Telemetry(otlp, readings, ABOUT, otlp_records=settings.telemetry.otlp_records)
    routes = {
        "/livez": alive,
        "/readyz": readiness(missing),
        "/version": version(about),
        "/metrics": lambda: Page(200, *own.exposition()),
    }
    return Kept((own, *((Admin(split_address(admin), routes),) if admin else ())), (own.settle,))


def _about(in_force: InForce) -> Mapping[str, str]:
    return {"version": VERSION, **in_force.rules.judged_by}


def _readings(ledger: LedgerWriter | MemoryLedger) -> tuple[Reading, ...]:
    return (
        Reading(
            "foundry.sidecar.ledger.lag", "s", "how long the oldest row being written waits", lambda: [(ledger.lag, {})]
        ),
        Reading(
            "foundry.sidecar.ledger.waiting", "{row}", "rows that wait to be written", lambda: [(ledger.waiting, {})]
        ),
        Reading(
            "foundry.sidecar.ledger.lost",
            "{row}",
            "rows not written, or deleted before they were in the shared ledger, since the start",
            lambda: [(ledger.lost, {})],
            counts=True,
        ),
    )


def used_before(settings: Settings) -> UsedBefore | None:
    """What reads from a ledger how much of a budget was used; None where there is no such ledger.

    With ``limits.storage: memory`` that is the process's own ledger, otherwise the shared one. It is made also where
    there are no budgets: a changed configuration may have some.
    """
    usage = settings.usage
    if settings.limits.storage == "memory":
        path = usage.path(settings.listen.certificates)
        return partial(from_ledger, path) if path else None
    if usage.shared is None:
        return None
    from addons.usage.shared_ledger import SharedLedger  # noqa: PLC0415 - costs every start 300 ms otherwise

    return partial(from_shared, SharedLedger(usage.shared))


def _process() -> dict[str, str | None]:
    """The process that writes the rows: in a pod by the variables that its manifest may set (docs/usage.md)."""
    return {
        "pod": os.environ.get("POD_NAME") or socket.gethostname(),
        "namespace": os.environ.get("POD_NAMESPACE"),
        "version": VERSION,
    }


def _shipper(rows: RowsOnDisk | MemoryLedger, url: str | Secret) -> "Shipper":
    from addons.usage.shared_ledger import SharedLedger  # noqa: PLC0415 - costs every start 300 ms otherwise
    from addons.usage.shipper import Shipper  # noqa: PLC0415 - costs every start 300 ms otherwise

    return Shipper(rows, SharedLedger(url))


def _shipping(shipper: "Shipper") -> tuple[Reading, ...]:
    return (
        Reading(
            "foundry.sidecar.usage.lag",
            "s",
            "how long the oldest row waits for the shared ledger",
            lambda: [(shipper.lag, {})],
        ),
        Reading(
            "foundry.sidecar.usage.waiting",
            "{row}",
            "rows that are not yet in the shared ledger",
            lambda: [(shipper.waiting, {})],
        ),
        Reading(
            "foundry.sidecar.usage.failing",
            "1",
            "1 while the shared ledger can't be written",
            lambda: [(int(shipper.failing is not None), {})],
        ),
        Reading(
            "foundry.sidecar.usage.shipped",
            "{row}",
            "rows copied to the shared ledger since the start",
            lambda: [(shipper.shipped, {})],
            counts=True,
        ),
        Reading(
            "foundry.sidecar.usage.not_taken",
            "{row}",
            "rows that the shared ledger refused for good, since the start",
            lambda: [(shipper.not_taken, {})],
            counts=True,
        ),
    )


def _by_state(under_way: Collection[Observed]) -> Iterable[tuple[float, Mapping[str, str]]]:
    counts = {"judged": 0, "waiting": 0, "answered": 0}
    for exchange in tuple(under_way):
        counts[_state(exchange.call)] += 1
    return [(count, {"state": state}) for state, count in counts.items()]


def _state(call: Call) -> str:
    if call.released_at is None:
        return "judged"
    return "waiting" if call.answer.first_byte_at is None else "answered"
