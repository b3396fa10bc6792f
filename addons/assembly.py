"""Puts the parts together: settings in, addons out."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from addons.call import Call
from addons.cassettes.recorder import Recorder
from addons.cassettes.tape import Tape
from addons.configuration.changing import Changing, Source
from addons.configuration.file_checks import check_files
from addons.configuration.judging import Lasting, rules
from addons.configuration.meaning import days_to_shutdown, foundry_hosts, listening, warn_of_days
from addons.configuration.mitmproxy_options import required_options
from addons.configuration.observation import ABOUT, observe, used_before
from addons.configuration.settings import Settings
from addons.exchange.client_certificates import ClientCertificates
from addons.exchange.clock import Clocks
from addons.exchange.connection_bounds import RESERVED, ConnectionBounds, descriptors
from addons.exchange.listener import Listener
from addons.exchange.observing import Observers
from addons.exchange.request import BodyBounds
from addons.exchange.rules import InForce, Rules
from addons.exchange.services import Services, Timeouts
from addons.exchange.serving import Serving
from addons.exchange.tunnel import Tunnels
from addons.exchange.upstream.pool import UpstreamPool
from addons.foundry.alarms import Alarm
from addons.foundry.limit_refusals import standing_headers
from addons.gates.body_budget import BodyBudget
from addons.inspecting.inspection import Inspection
from addons.journal.journal import Journal
from addons.process import logs
from addons.process.announce import Announce
from addons.process.daily import Daily, days_reading
from addons.process.drain import Drain
from addons.process.lifecycle import Lifecycle
from addons.process.lockdown import Lockdown
from addons.process.readiness import Readiness
from addons.process.reload import Reload
from addons.process.reloads import Reloads
from addons.process.secret_watch import SecretWatch
from addons.process.started import Started
from addons.process.trimming import Trimming
from addons.provider_credentials.build import Credentials
from addons.sources.alarm import Fault
from addons.usage.settlement import Settlement
from addons.usage.storage import build as build_counters
from addons.verifiers.verifier import Verifier


def assemble(
    settings: Settings,
    alter: Callable[[Services], object] = lambda _services: None,
    *,
    inspect: bool = False,
    source: Source | None = None,
    tape: Tape | None = None,
) -> list[Any]:
    """The addons of one sidecar.

    ``alter`` may change what every exchange works with; it is how tests put faults in. With ``inspect`` calls are
    shown in mitmproxy's views. With ``source`` the settings are read again from there when they change. With ``tape``
    calls are recorded.

    Raises:
        OSError, ValueError: a file the settings name is missing or wrong; the message says which.
    """
    counters = build_counters(settings.limits.storage)
    settlement = Settlement(counters)
    pool = settings.provider.pool
    to_provider, to_foundry = (
        UpstreamPool(idle_seconds=pool.idle_seconds, most=pool.most, wait_seconds=pool.wait_seconds) for _ in range(2)
    )

    def alarm(name: str, why: str) -> None:
        observation.alarms.tell(Alarm(name), why=why)

    bodies = BodyBudget(settings.limits.body_bytes)
    lasting = Lasting(counters, bodies, credentials=Credentials(alarm), alarm=alarm, used_before=used_before(settings))
    in_force = InForce(rules(settings, lasting), partial(_forget, to_provider, to_foundry))
    reloads = Reloads()

    def now() -> Settings:
        return changing.settings if changing else settings

    observation = observe(
        settings,
        lambda: services.under_way,
        lambda: readiness.missing(),  # noqa: PLW0108 - made below
        lambda: in_force.rules.judged_by,
        (*reloads.readings, days_reading(lambda: days_to_shutdown(now()))),
    )
    readiness = Readiness(in_force, counters, lambda: lifecycle.draining, observation.needed)
    recorder = [Recorder(tape)] if tape else []
    inspection = (
        Inspection(
            settings.inspect,
            settings.foundry.error_format,
            in_force,
            lasting.under_way,
            lambda *caller: serving.connect(*caller),  # noqa: PLW0108 - made below
        )
        if inspect
        else None
    )
    sinks = (lasting.under_way.leave, lambda call, _record: settlement.settle(call), *observation.sinks)
    journal = Journal(sinks, ABOUT, logs.calls(), observation.alarms)
    services = Services(
        in_force,
        _timeouts(settings),
        to_provider,
        to_foundry,
        observation.before_release,
        journal.record,
        settings.foundry.error_format,
        standing=_standing,
        observers=Observers(*recorder, *(inspection.observers if inspection else ())),
        hold=inspection.hold if inspection else None,
    )
    alter(services)
    serving = _serving(settings, services, bodies)
    bounds = ConnectionBounds(max(8, descriptors() - RESERVED))
    listener = Listener(serving.connect, bounds, (to_provider, to_foundry))
    ending = settings.lifecycle
    drain = Drain(
        services.leave,
        lambda: listener.callers,
        lambda: services.under_way,
        announce=ending.announce_seconds,
        within=ending.drain_seconds,
    )
    lifecycle = Lifecycle(drain)
    parts: list[Any] = [
        Lockdown(required_options(settings), resend=inspect),
        listener,
        Started("sidecar-settlement", settlement),
        *recorder,
        *(inspection.parts if inspection else ()),
        journal,
        *observation.parts,
        readiness,
        lifecycle,
        Announce(listening(settings)),
    ]
    if (own := settings.listen.tls) and (callers := settings.caller.by_certificate):
        required = settings.caller.verifiers == ("certificate",)
        fault = Fault(Alarm.CLIENT_CERTIFICATES, alarm)
        parts.append(ClientCertificates(own.certificate, own.key, callers.trusted_ca, required=required, fault=fault))
    changing: Changing | None = None
    if source:

        def build(new: Settings, verifier: Verifier | None) -> Rules:
            check_files(new)
            for region in new.provider.allowed_regions:
                if key := new.provider.regions[region].api_key:
                    key.read()
            return rules(new, lasting, verifier)

        changing = Changing(settings, in_force, source, build)
        parts += [Reload(changing, reloads), SecretWatch(changing.secrets)]
    parts.append(Daily(lambda: warn_of_days(now())))
    parts.append(Trimming())
    return parts


def _serving(settings: Settings, services: Services, bodies: BodyBudget) -> Serving:
    return Serving(
        services,
        Tunnels(foundry_hosts(settings), frozenset(settings.listen.passthrough_hosts), services.error_format),
        BodyBounds(settings.policy.max_body_bytes, bodies),
        Clocks(settings.listen.head_seconds, settings.listen.body_seconds, settings.listen.write_seconds),
    )


def _standing(call: Call) -> Sequence[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in standing_headers(call.permits)]


def _timeouts(settings: Settings) -> Timeouts:
    near, far = settings.listen, settings.provider.timeouts
    return Timeouts(near.body_seconds, far.connect, far.read, far.total, near.write_seconds)


def _forget(to_provider: UpstreamPool, to_foundry: UpstreamPool, now: Rules) -> None:
    """Connections that were made under other rules serve no new call."""
    wanted = set(now.destinations.values())
    to_provider.forget(lambda destination: destination in wanted)
    to_foundry.forget(lambda destination: destination.trust == now.foundry_trust)
