"""Puts together what watches calls: the ledger, telemetry, the operator's own listener, a recording."""

import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from addons.call import Call
from addons.configuration.settings import Settings
from addons.exchange.observing import Observed
from addons.gates.budgets import UsedBefore
from addons.journal import conventions
from addons.journal.alarms import Alarms
from addons.journal.journal import Sink
from addons.journal.readings import Reading
from addons.journal.telemetry import Telemetry
from addons.process import logs
from addons.process.admin import Admin, Page, alive, readiness, version
from addons.process.started import Started
from addons.usage.ledger import Ledger
from addons.usage.ledger_rows import LedgerRows
from addons.usage.used_before import from_ledger, from_shared
from addons.values.address import split_address
from addons.values.secret import Secret
from addons.values.version import VERSION

if TYPE_CHECKING:
    from addons.usage.shipper import Shipper

ABOUT: Final = {conventions.SERVICE_VERSION: VERSION}
"""What every record and metric says of this process."""


class Observation(NamedTuple):
    """``parts`` are addons that stand behind the Journal; ``before_release`` is awaited before a call leaves, and
    ``needed`` is for readiness.
    """

    parts: tuple[Any, ...]
    sinks: tuple[Sink, ...]
    before_release: tuple[Callable[[Call], Awaitable[None]], ...]
    needed: tuple[Callable[[], Awaitable[str | None]], ...]
    alarms: Alarms


def observe(
    settings: Settings,
    under_way: Callable[[], Iterable[Observed]],
    missing: Callable[[], Sequence[str]],
    judged_by: Callable[[], Mapping[str, str]],
    more: Sequence[Reading] = (),
) -> Observation:
    """Touches neither disk nor network; the parts do so once the sidecar runs.

    ``missing`` says why no new calls are welcome, ``judged_by`` which rules are in force. ``more`` is read beside what
    is read here.
    """

    def about() -> Mapping[str, str]:
        return {"version": VERSION, **judged_by()}

    usage, admin, otlp = settings.usage, settings.listen.admin, settings.telemetry.otlp_endpoint
    parts: list[Any] = []
    sinks: list[Sink] = []
    before_release, needed = [], []
    alarms = Alarms()
    readings = [
        alarms.reading,
        Reading("foundry.sidecar.build.info", "1", "the program, and the rules in force", lambda: [(1, about())]),
        *more,
        Reading("foundry.sidecar.calls.open", "{call}", "calls under way, by state", lambda: _open(under_way())),
        Reading(
            "foundry.sidecar.log.dropped",
            "{line}",
            "lines of the log not written since the start",
            lambda: [(logs.dropped(), {})],
            counts=True,
        ),
    ]
    if path := usage.path(settings.listen.certificates):
        ledger = Ledger(path, usage.keep_days, ship=usage.shared is not None, run=_process())
        shipper = _shipper(path, usage.shared) if usage.shared else None
        rows = LedgerRows(ledger, usage.on_failure, shipper)
        parts.append(Started("sidecar-ledger", rows))
        sinks.append(rows.close)
        before_release.append(rows.open)
        needed.append(rows.missing)
        readings += _readings(ledger)
        if shipper:
            readings += _shipping(shipper)
    if admin or otlp:
        telemetry = Telemetry(otlp, readings, ABOUT)
        parts.append(telemetry)
        sinks.append(telemetry.settle)
        if admin:
            routes = {
                "/livez": alive,
                "/readyz": readiness(missing),
                "/version": version(about),
                "/metrics": lambda: Page(200, *telemetry.exposition()),
            }
            parts.append(Admin(split_address(admin), routes))
    return Observation(tuple(parts), tuple(sinks), tuple(before_release), tuple(needed), alarms)


def _readings(ledger: Ledger) -> tuple[Reading, ...]:
    return (
        Reading(
            "foundry.sidecar.ledger.lag", "s", "how long the oldest row being written waits", lambda: [(ledger.lag, {})]
        ),
        Reading("foundry.sidecar.ledger.waiting", "{row}", "rows that wait", lambda: [(ledger.waiting, {})]),
        Reading(
            "foundry.sidecar.ledger.lost",
            "{row}",
            "rows not written since the start",
            lambda: [(ledger.lost, {})],
            counts=True,
        ),
    )


def used_before(settings: Settings) -> UsedBefore | None:
    """Where budgets learn again what was used; None: nowhere, or there are none.

    A process that counts for itself asks its own ledger, sidecars that share a store the ledger that they share.
    """
    usage = settings.usage
    if not settings.limits.budgets.any:
        return None
    if settings.limits.storage == "memory":
        path = usage.path(settings.listen.certificates)
        return partial(from_ledger, path) if path else None
    if usage.shared is None:
        return None
    from addons.usage.shared_ledger import SharedLedger  # noqa: PLC0415 - costs every start 300 ms otherwise

    return partial(from_shared, SharedLedger(usage.shared))


def _process() -> dict[str, str | None]:
    """Who writes the rows; in a pod by the names that its manifest may give (docs/usage.md)."""
    return {
        "pod": os.environ.get("POD_NAME") or socket.gethostname(),
        "namespace": os.environ.get("POD_NAMESPACE"),
        "version": VERSION,
    }


def _shipper(path: Path, url: str | Secret) -> "Shipper":
    from addons.usage.shared_ledger import SharedLedger  # noqa: PLC0415 - costs every start 300 ms otherwise
    from addons.usage.shipper import Shipper  # noqa: PLC0415 - costs every start 300 ms otherwise

    return Shipper(path, SharedLedger(url))


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
            "rows carried to the shared ledger since the start",
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


def _open(under_way: Iterable[Observed]) -> Iterable[tuple[float, Mapping[str, str]]]:
    counts = {"judged": 0, "waiting": 0, "answered": 0}
    for exchange in tuple(under_way):
        counts[_state(exchange.call)] += 1
    return [(count, {"state": state}) for state, count in counts.items()]


def _state(call: Call) -> str:
    if call.released_at is None:
        return "judged"
    return "waiting" if call.answer.first_byte_at is None else "answered"
