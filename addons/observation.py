"""Puts together what watches calls: the ledger, telemetry, the operator's own listener, a recording."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import structlog

from addons.call import Call
from addons.configuration.settings import Settings
from addons.exchange.exchange import Exchange
from addons.journal import conventions
from addons.journal.alarms import Alarms
from addons.journal.journal import Sink
from addons.journal.readings import Reading
from addons.journal.telemetry import Telemetry
from addons.process import logs
from addons.process.admin import Admin, Page, alive, readiness
from addons.usage.ledger import Ledger
from addons.usage.ledger_file import LedgerError
from addons.usage.ledger_rows import LedgerRows
from addons.values.address import split_address
from addons.values.version import VERSION

ABOUT: Final = {conventions.SERVICE_VERSION: VERSION}
"""What every record and metric says of this process."""


_log = structlog.get_logger("sidecar.ledger")


class Part(Protocol):
    def start(self) -> None: ...

    async def stop(self) -> None: ...


class Started:
    """Addon: starts a part with mitmproxy, and stops it with it. A part that can't start stops the start.

    Those that take calls' last records stand behind the Journal.
    """

    def __init__(self, name: str, part: Part) -> None:
        self.name = name
        self.part = part

    def load(self, _loader: object) -> None:
        try:
            self.part.start()
        except LedgerError as error:  # an error that is logged now stops the start
            _log.error("ledger_not_opened", why=str(error))

    def done(self) -> asyncio.Task[None]:
        """mitmproxy waits for the task at its end; where it takes a script out, it calls no coroutine functions."""
        return asyncio.get_running_loop().create_task(self.part.stop())


class Observation(NamedTuple):
    """``parts`` are addons that stand behind the Journal; ``before_release`` is for the Checkpoint."""

    parts: tuple[Any, ...]
    sinks: tuple[Sink, ...]
    before_release: tuple[Callable[[Call], Awaitable[None]], ...]
    alarms: Alarms


def observe(
    settings: Settings,
    under_way: Callable[[], Iterable[Exchange]],
    missing: Callable[[], Sequence[str]],
) -> Observation:
    """Touches neither disk nor network; the parts do so once the sidecar runs.

    ``missing`` says why no new calls are welcome.
    """
    usage, admin, otlp = settings.usage, settings.listen.admin, settings.telemetry.otlp_endpoint
    parts: list[Any] = []
    sinks: list[Sink] = []
    before_release = []
    alarms = Alarms()
    readings = [
        alarms.reading,
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
        ledger = Ledger(path, usage.keep_days)
        rows = LedgerRows(ledger, usage.on_failure)
        parts.append(Started("sidecar-ledger", rows))
        sinks.append(rows.close)
        before_release.append(rows.open)
        readings += _readings(ledger)
    if admin or otlp:
        telemetry = Telemetry(otlp, readings, ABOUT)
        parts.append(telemetry)
        sinks.append(telemetry.settle)
        if admin:
            routes = {
                "/livez": alive,
                "/readyz": readiness(missing),
                "/metrics": lambda: Page(200, *telemetry.exposition()),
            }
            parts.append(Admin(split_address(admin), routes))
    return Observation(tuple(parts), tuple(sinks), tuple(before_release), alarms)


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


def _open(under_way: Iterable[Exchange]) -> Iterable[tuple[float, Mapping[str, str]]]:
    counts = {"judged": 0, "waiting": 0, "answered": 0}
    for exchange in tuple(under_way):
        counts[_state(exchange.call)] += 1
    return [(count, {"state": state}) for state, count in counts.items()]


def _state(call: Call) -> str:
    if call.released_at is None:
        return "judged"
    return "waiting" if call.answer.first_byte_at is None else "answered"
