"""Puts the parts together: settings in, addons out, in the order a call meets them."""

from collections.abc import Callable
from typing import Any

from addons.calls import Calls
from addons.cassettes.tape import Tape
from addons.checkpoint import Checkpoint
from addons.closed import Closed
from addons.configuration.changing import Changing, Source
from addons.configuration.file_checks import check_files
from addons.configuration.meaning import (
    catalogue_of,
    destinations,
    forwards,
    foundry_addresses,
    foundry_hosts,
    hosts,
    listening,
)
from addons.configuration.mitmproxy_options import required_options
from addons.configuration.settings import Settings
from addons.deadlines import Deadlines
from addons.early_answers import EarlyAnswers
from addons.egress import Egress
from addons.error_pages import ErrorPages
from addons.gates.attribution import attribute
from addons.gates.body import ReadBody
from addons.gates.caller import IdentifyCaller
from addons.gates.concurrency import LimitConcurrency, UnderWay
from addons.gates.limits import HoldToLimits
from addons.gates.media_type import DeclaredBody
from addons.gates.model import ResolveModel, permit_model
from addons.gates.order import TO_BOTH, TO_FOUNDRY, Gates, Named
from addons.gates.pass_on import pass_on
from addons.gates.policy import JudgeBody
from addons.gates.rewrite import Rewrite
from addons.gates.route import Route
from addons.journal import Journal
from addons.lean.addon import Lean
from addons.observation import observe
from addons.passthrough import Passthrough
from addons.process.announce import Announce
from addons.process.connections import Connections
from addons.process.drain import Drain
from addons.process.lifecycle import Lifecycle
from addons.process.lockdown import Lockdown
from addons.process.readiness import Readiness
from addons.process.reload import Reload
from addons.reading import Reading
from addons.relay import Relay
from addons.rules import InForce, ProviderKey, Rules
from addons.settlement import Settlement
from addons.stores.counters import Counters
from addons.stores.storage import build as build_counters
from addons.tunnels import Tunnels
from addons.verifiers.verifier import Verifier
from addons.verifiers.verifier import build as build_verifier


def assemble(
    settings: Settings,
    alter: Callable[[list[Any]], object] = lambda _parts: None,
    *,
    inspect: bool = False,
    source: Source | None = None,
    tape: Tape | None = None,
) -> list[Any]:
    """The addons of one sidecar, every hook of theirs failing closed.

    ``alter`` may change them before they are guarded; it is how tests put faults in. With ``inspect`` flows
    keep the caller's own request, for somebody to look at. With ``source`` the settings are read again from
    there when they change. With ``tape`` calls are recorded.

    Raises:
        OSError, ValueError: a file the settings name is missing or wrong; the message says which.
    """
    error_format = settings.foundry.error_format
    calls, pages = Calls(), ErrorPages(error_format)
    counters, under_way = build_counters(settings.limits.storage), UnderWay()
    settlement = Settlement(counters)
    in_force = InForce(rules(settings, counters, under_way))
    passthrough = Passthrough(settings.listen.passthrough_hosts)
    egress = Egress(passthrough)
    readiness = Readiness(in_force, counters, draining=lambda: lifecycle.draining)
    observation = observe(settings, calls, readiness.missing, tape, egress.quotes_key)
    checkpoint = Checkpoint(
        calls,
        egress,
        in_force,
        error_format,
        keep_requests=inspect,
        before_release=observation.before_release,
    )
    timeouts = settings.provider.timeouts
    connections = Connections()
    deadlines = Deadlines(
        calls,
        egress,
        connections.hang_up,
        body=settings.listen.body_seconds,
        connect=timeouts.connect,
        read=timeouts.read,
        total=timeouts.total,
    )
    ending = settings.lifecycle
    drain = Drain(calls, connections, deadlines, announce=ending.announce_seconds, within=ending.drain_seconds)
    lifecycle = Lifecycle(drain)
    parts: list[Any] = [
        Lockdown(required_options(settings)),
        pages,
        Tunnels(foundry_hosts(settings), passthrough, error_format),
        checkpoint,
        egress,
        deadlines,
        Relay(calls, egress, pages, error_format),
        Journal(calls, (under_way.leave, settlement.settle, *observation.sinks)),
        settlement,
        *observation.parts,
        EarlyAnswers(calls, connections.hang_up, body=settings.listen.body_seconds),
        connections,
        Reading(connections.hang_up, head=settings.listen.head_seconds, body=settings.policy.max_body_bytes),
        readiness,
        lifecycle,
        Announce(listening(settings)),
    ]
    if settings.mitmproxy.lean:
        parts.append(Lean())
    if inspect:
        from addons.inspecting.explainer import Explainer  # noqa: PLC0415 - for whoever looks; costs every start 50 ms
        from addons.inspecting.inspector import Inspector  # noqa: PLC0415 - the same

        parts += [Explainer(lambda: in_force.rules.gates), Inspector(settings.inspect)]
    if source:

        def build(new: Settings, verifier: Verifier | None) -> Rules:
            check_files(new)
            for region in new.provider.allowed_regions:
                new.provider.regions[region].api_key.read()
            return rules(new, counters, under_way, verifier)

        parts.append(Reload(Changing(settings, in_force, source, build)))
    alter(parts)
    closed = Closed(calls, error_format)
    return [closed.guard(part) for part in parts]


def rules(settings: Settings, counters: Counters, under_way: UnderWay, verifier: Verifier | None = None) -> Rules:
    """What the settings say of a call. ``counters`` and ``under_way`` outlive a change of the rules.

    ``verifier`` is the one that ``settings.caller`` describes, where there is one already.

    Raises:
        OSError, ValueError: as ``assemble``.
    """
    verifier = verifier or build_verifier(settings.caller)
    own = gates(settings, verifier, counters, under_way)
    return Rules(
        own,
        {"provider": own.names("provider"), "foundry": own.names("foundry")},
        {
            region: ProviderKey(settings.provider.regions[region].api_key)
            for region in settings.provider.allowed_regions
        },
        {place.address: place.address[0] for place in destinations(settings).values()},
        foundry_addresses(settings),
        verifier,
        store_needed=settings.limits.mode == "enforce" and settings.limits.on_store_failure == "refuse",
    )


def gates(settings: Settings, verifier: Verifier, counters: Counters, under_way: UnderWay) -> Gates:
    """Every gate a call goes through, by name and in order."""
    return Gates(
        head=(
            Named("route", Route(hosts(settings), foundry_hosts(settings), other_paths=forwards(settings)), TO_BOTH),
            Named("caller", IdentifyCaller(verifier)),
            Named("concurrency", LimitConcurrency(settings.limits, under_way), TO_BOTH),
            Named("attribution", attribute),
            Named("media_type", DeclaredBody(settings.policy.max_body_bytes)),
        ),
        body=(
            Named("body", ReadBody(settings.policy.max_body_bytes)),
            Named("model", ResolveModel(catalogue_of(settings))),
            Named("permission", permit_model),
            Named("policy", JudgeBody(settings.policy)),
            Named("rewrite", Rewrite(destinations(settings))),
            Named("limits", HoldToLimits(settings.limits, counters)),
            Named("pass_on", pass_on, TO_FOUNDRY),
        ),
    )
