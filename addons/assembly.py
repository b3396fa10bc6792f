"""Puts the parts together: settings in, addons out."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from addons.cassettes.recorder import Recorder
from addons.cassettes.tape import Tape
from addons.configuration import exchanging
from addons.configuration.certificate_days import days_to_expiry
from addons.configuration.changing import Changing, Source
from addons.configuration.judging import Lasting, rules, rules_again
from addons.configuration.meaning import days_to_shutdown, listening, warn_of_days
from addons.configuration.mitmproxy_options import required_options
from addons.configuration.observation import ABOUT, Observation, observe, used_before
from addons.configuration.settings import Settings
from addons.exchange.caller_connection import CallerConnection
from addons.exchange.connection_bounds import RESERVED, ConnectionBounds, descriptors
from addons.exchange.listener import Listener
from addons.exchange.observing import Observed, Observers
from addons.exchange.rules import InForce, Rules
from addons.exchange.services import Services
from addons.exchange.serving import Serving
from addons.exchange.upstream.pool import UpstreamPool
from addons.exchange.wire import Peer, Wire
from addons.gates.body_budget import BodyBudget
from addons.gates.counting import Counters
from addons.journal.journal import Journal
from addons.process import logs
from addons.process.announce import Announce
from addons.process.daily import Daily, days_readings
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
from addons.usage.settlement import Settlement
from addons.usage.storage import build as build_counters

if TYPE_CHECKING:
    from addons.inspecting.inspection import Inspection


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
    return Assembly(settings, alter, inspect=inspect, source=source, tape=tape).addons


class Assembly:
    """Each part is made once, when something asks for it. ``addons`` are in the order in which mitmproxy has them."""

    def __init__(
        self,
        settings: Settings,
        alter: Callable[[Services], object],
        *,
        inspect: bool,
        source: Source | None,
        tape: Tape | None,
    ) -> None:
        self._settings = settings
        self._alter = alter
        self._inspect = inspect
        self._source = source
        self._recorder = (Recorder(tape),) if tape else ()
        self._reloads = Reloads()

    @cached_property
    def addons(self) -> list[Any]:
        return [
            Lockdown(required_options(self._settings), resend=self._inspect),
            self._listener,
            *exchanging.client_certificates(self._settings, self._observation.alarms.raised),
            Started("sidecar-settlement", self._settlement),
            *self._recorder,
            *(self._inspection.parts if self._inspection else ()),
            self._journal,
            *self._observation.parts,
            self._readiness,
            self._lifecycle,
            Announce(listening(self._settings)),
            *((Reload(self._changing, self._reloads), SecretWatch(self._changing.secrets)) if self._changing else ()),
            Daily(lambda: warn_of_days(self._now())),
            Trimming(),
        ]

    # callers, and what serves them

    @cached_property
    def _listener(self) -> Listener:
        bounds = ConnectionBounds(max(8, descriptors() - RESERVED))
        return Listener(self._serving.connect, bounds, (self._to_provider, self._to_foundry))

    @cached_property
    def _serving(self) -> Serving:
        return exchanging.serving(self._settings, self._services, self._bodies)

    @cached_property
    def _services(self) -> Services:
        inspection = self._inspection
        services = Services(
            self._in_force,
            exchanging.timeouts(self._settings),
            self._to_provider,
            self._to_foundry,
            self._observation.before_release,
            self._journal.record,
            self._settings.foundry.error_format,
            standing=exchanging.standing,
            observers=Observers(*self._recorder, *(inspection.observers if inspection else ())),
            hold=inspection.hold if inspection else None,
        )
        self._alter(services)
        return services

    @cached_property
    def _to_provider(self) -> UpstreamPool:
        return exchanging.pool(self._settings)

    @cached_property
    def _to_foundry(self) -> UpstreamPool:
        return exchanging.pool(self._settings)

    # the rules

    @cached_property
    def _in_force(self) -> InForce:
        return InForce(rules(self._settings, self._lasting), self._forget_connections)

    @cached_property
    def _lasting(self) -> Lasting:
        alarm = self._observation.alarms.raised
        return Lasting(
            self._counters,
            self._bodies,
            credentials=Credentials(alarm),
            alarm=alarm,
            used_before=used_before(self._settings),
        )

    @cached_property
    def _counters(self) -> Counters:
        return build_counters(self._settings.limits.storage)

    @cached_property
    def _bodies(self) -> BodyBudget:
        return BodyBudget(self._settings.limits.body_bytes)

    @cached_property
    def _changing(self) -> Changing | None:
        if self._source is None:
            return None
        return Changing(self._settings, self._in_force, self._source, partial(rules_again, lasting=self._lasting))

    def _forget_connections(self, now: Rules) -> None:
        """Connections that were made under other rules serve no new call."""
        wanted = set(now.destinations.values())
        self._to_provider.forget(lambda destination: destination in wanted)
        self._to_foundry.forget(lambda destination: destination.trust == now.foundry_trust)

    # who is told of a call

    @cached_property
    def _journal(self) -> Journal:
        sinks = (self._lasting.under_way.leave, self._settlement.settle, *self._observation.sinks)
        return Journal(sinks, ABOUT, logs.calls(), self._observation.alarms)

    @cached_property
    def _settlement(self) -> Settlement:
        return Settlement(self._counters)

    @cached_property
    def _observation(self) -> Observation:
        days = days_readings(lambda: days_to_shutdown(self._now()), lambda: days_to_expiry(self._now()))
        more = (*self._reloads.readings, *days)
        return observe(self._settings, self._under_way, self._missing, self._judged_by, more)

    @cached_property
    def _inspection(self) -> "Inspection | None":
        if not self._inspect:
            return None
        from addons.inspecting.inspection import Inspection  # noqa: PLC0415 - costs every start 50 ms otherwise

        settings = self._settings
        return Inspection(
            settings.inspect, settings.foundry.error_format, self._in_force, self._lasting.under_way, self._connect
        )

    # the process

    @cached_property
    def _readiness(self) -> Readiness:
        return Readiness(self._in_force, self._counters, self._draining, self._observation.needed)

    @cached_property
    def _lifecycle(self) -> Lifecycle:
        ending = self._settings.lifecycle
        return Lifecycle(
            Drain(
                self._services.leave,
                self._callers,
                self._under_way,
                announce=ending.announce_seconds,
                within=ending.drain_seconds,
            )
        )

    # what is asked later, of parts that are made later

    def _connect(self, wire: Wire, peer: Peer) -> CallerConnection:
        return self._serving.connect(wire, peer)

    def _callers(self) -> Sequence[CallerConnection]:
        return self._listener.callers

    def _under_way(self) -> Collection[Observed]:
        return self._services.under_way

    def _missing(self) -> Sequence[str]:
        return self._readiness.missing()

    def _draining(self) -> bool:
        return self._lifecycle.draining

    def _judged_by(self) -> Mapping[str, str]:
        return self._in_force.rules.judged_by

    def _now(self) -> Settings:
        return self._changing.settings if self._changing else self._settings
