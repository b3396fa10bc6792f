"""Puts the parts together: settings in, addons out."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from addons.cassettes.cassette_writer import CassetteWriter
from addons.cassettes.recorder import Recorder
from addons.configuration import connections, record_keeping
from addons.configuration.build_rules import Lasting, rules, rules_again
from addons.configuration.changing import Changing, SettingsSource
from addons.configuration.meaning import listening
from addons.configuration.mitmproxy_options import required_options
from addons.configuration.record_keeping import used_before
from addons.configuration.settings import Settings
from addons.exchange.connection_bounds import ConnectionBounds
from addons.exchange.listener import Listener
from addons.exchange.observing import Observed
from addons.exchange.request_server import RequestServer
from addons.exchange.rules import InForce
from addons.exchange.services import Services
from addons.gates.body_bytes import BodyBytes
from addons.gates.concurrency import UnderWay
from addons.journal.alarms import Alarms
from addons.journal.journal import Journal
from addons.process import logs
from addons.process.announce import Announce
from addons.process.daily import Daily, days_readings
from addons.process.drain import Drain
from addons.process.lifecycle import Lifecycle
from addons.process.lockdown import Lockdown
from addons.process.readiness import Readiness
from addons.process.reload import Reload
from addons.process.reload_times import ReloadTimes
from addons.process.secret_watch import SecretWatch
from addons.process.start_and_stop import StartAndStop
from addons.process.trimming import Trimming
from addons.provider_credentials.build import Credentials
from addons.usage.settlement import Settlement
from addons.usage.storage import build_counters


def assemble(
    settings: Settings,
    alter: Callable[[Services], object] | None = None,
    *,
    inspect: bool = False,
    source: SettingsSource | None = None,
    cassette: CassetteWriter | None = None,
) -> list[Any]:
    """The addons of one sidecar, in mitmproxy's order. Raises OSError, ValueError: a file that settings name is wrong.

    ``alter`` may change what exchanges work with; tests put faults in so. ``inspect``: calls are shown in mitmproxy's
    views. ``source``: where changed settings are read. ``cassette``: calls are recorded on it.
    """
    # the rules, and what outlives a change of them
    alarms, counters, bodies = Alarms(), build_counters(settings.limits.storage), BodyBytes(settings.limits.body_bytes)
    lasting = Lasting(counters, bodies, UnderWay(), Credentials(alarms.report), alarms.report, used_before(settings))
    upstreams = connections.upstreams(settings)
    in_force = InForce(rules(settings, lasting), upstreams.forget)
    changing = Changing(settings, in_force, source, partial(rules_again, lasting=lasting))
    # ledger, counters, telemetry, records
    ledger, settlement, exchanges = record_keeping.ledger(settings), Settlement(counters), set[Observed]()
    readiness, times = Readiness(in_force, counters, ledger.needed), ReloadTimes()
    days = days_readings(changing.days_to_shutdown, changing.days_to_expiry)
    readings = (alarms.reading, *times.readings, *days, *ledger.readings)
    telemetry = record_keeping.telemetry(settings, in_force, readiness.missing, exchanges, readings)
    sinks = (lasting.under_way.leave, settlement.settle, *ledger.sinks, *telemetry.sinks)
    journal = Journal(sinks, record_keeping.ABOUT, logs.calls(), alarms)
    # exchanges, and their observers
    to_others = (connections.timeouts(settings), *upstreams, ledger.before_release)
    services = Services(in_force, *to_others, journal.record, settings.foundry.error_format, exchanges)
    recorder = (Recorder(cassette),) if cassette else ()
    services.observers.add(*recorder)
    server = connections.request_server(settings, services, bodies)
    listener = Listener(server.connect, ConnectionBounds(settings.listen.max_connections), upstreams)
    views = _views(settings, services, lasting.under_way, server) if inspect else ()
    if alter:
        alter(services)
    drain = Drain(settings.lifecycle, (readiness, services), listener, exchanges)
    return [
        Lockdown(required_options(settings), resend=inspect),
        listener,
        *connections.client_certificates(settings, alarms.report, listener.close_after_call),
        StartAndStop("sidecar-settlement", settlement),
        *(*recorder, *views),
        *(journal, *ledger.parts, *telemetry.parts),
        *(readiness, Lifecycle(drain), Announce(listening(settings))),
        *((Reload(changing, times), SecretWatch(changing.secrets)) if source else ()),
        *(Daily(changing.warn_of_days), Trimming()),
    ]


def _views(settings: Settings, services: Services, under_way: UnderWay, server: RequestServer) -> Sequence[Any]:
    """The addons that show calls in mitmproxy's views, and look on at every exchange."""
    from addons.inspecting.inspection import Inspection  # noqa: PLC0415 - costs every start 50 ms otherwise

    error_format = settings.foundry.error_format
    inspection = Inspection(settings.inspect, error_format, services.in_force, under_way, server.connect)
    services.observers.add(*inspection.observers)
    services.hold = inspection.hold
    return inspection.parts
