"""Makes from the settings what handles callers' connections, and the pools of connections to the other side."""

from collections.abc import Callable
from typing import Final, NamedTuple

from addons.configuration.meaning import foundry_hosts
from addons.configuration.settings import Settings
from addons.exchange.client_certificates import ClientCertificates
from addons.exchange.connection_timer import ConnectionTimeouts
from addons.exchange.provider_settings import Pool
from addons.exchange.request import BodyBounds
from addons.exchange.request_server import RequestServer
from addons.exchange.rules import Rules
from addons.exchange.services import Services, Timeouts
from addons.exchange.tunnel import Tunnels
from addons.exchange.upstream.pool import UpstreamPool
from addons.foundry.alarm_names import Alarm
from addons.gates.body_bytes import BodyBytes
from addons.sources.fault import Fault, RaiseAlarm

MOST_WAITING: Final = 16 * 1024 * 1024
"""Bytes from all callers that wait before a call begins: long heads that still arrive, and requests sent far ahead."""


def request_server(settings: Settings, services: Services, bodies: BodyBytes) -> RequestServer:
    """What serves the requests of all callers. ``bodies`` counts the bytes of the bodies that are held."""
    listen = settings.listen
    return RequestServer(
        services,
        Tunnels(foundry_hosts(settings), frozenset(listen.passthrough_hosts), services.error_format),
        BodyBounds(settings.policy.max_body_bytes, bodies, BodyBytes(MOST_WAITING)),
        ConnectionTimeouts(listen.head_seconds, listen.body_seconds, listen.write_seconds),
    )


def timeouts(settings: Settings) -> Timeouts:
    """The deadlines of one exchange, in seconds."""
    near, far = settings.listen, settings.provider.timeouts
    return Timeouts(near.body_seconds, far.connect, far.read, far.total, near.write_seconds)


class Upstreams(NamedTuple):
    """The pools of connections to the provider and to Foundry."""

    to_provider: UpstreamPool
    to_foundry: UpstreamPool

    def forget(self, now: Rules) -> None:
        """Closes connections that were made under earlier rules, once they are idle. ``now`` are the new rules."""
        wanted = set(now.destinations.values())
        self.to_provider.forget(lambda destination: destination in wanted)
        self.to_foundry.forget(lambda destination: destination.trust == now.foundry_trust)


def upstreams(settings: Settings) -> Upstreams:
    """Two empty pools with the bounds of ``provider.pool`` each."""
    return Upstreams(_pool(settings.provider.pool), _pool(settings.provider.pool))


def _pool(kept: Pool) -> UpstreamPool:
    return UpstreamPool(idle_seconds=kept.idle_seconds, most=kept.most, wait_seconds=kept.wait_seconds)


def client_certificates(
    settings: Settings, alarm: RaiseAlarm, close_after_call: Callable[[str], object]
) -> tuple[ClientCertificates, ...]:
    """The addon that asks callers for certificates; none where the verifier `certificate` is not used.

    Args:
        settings: the whole configuration.
        alarm: gets an alarm when a certificate file can no longer be used.
        close_after_call: handed on to `ClientCertificates`, which says what it does.

    Raises:
        FileError: a certificate file can't be used.
    """
    own, callers = settings.listen.tls, settings.caller.by_certificate
    if own is None or callers is None:
        return ()
    required = settings.caller.verifiers == ("certificate",)
    files = own.certificate, own.key, callers.trusted_ca
    fault = Fault(Alarm.CLIENT_CERTIFICATES, alarm)
    return (ClientCertificates(*files, required=required, fault=fault, close_after_call=close_after_call),)
