"""Makes the rules for calls from the settings: the gates that a call must pass, and where it may be sent."""

from dataclasses import dataclass, field

from addons.apis.table import body_policies
from addons.configuration.file_checks import check_files
from addons.configuration.fingerprint import judged_by, policy_hash
from addons.configuration.loading import load
from addons.configuration.meaning import (
    catalogue_of,
    destinations,
    endpoints,
    forwards,
    foundry_addresses,
    foundry_hosts,
    hosts,
    is_attested,
)
from addons.configuration.settings import Settings
from addons.exchange.rules import Rules
from addons.exchange.upstream.destination import Trust
from addons.gates.attribution import attribute
from addons.gates.body import ReadBody
from addons.gates.body_bytes import BodyBytes
from addons.gates.budget_recovery import UsedBefore
from addons.gates.budgets import HoldToBudgets
from addons.gates.caller import IdentifyCaller
from addons.gates.candidate import Candidate
from addons.gates.concurrency import LimitConcurrency, UnderWay
from addons.gates.counters import Counters
from addons.gates.forward import forward
from addons.gates.limits import HoldToLimits
from addons.gates.media_type import DeclaredBody
from addons.gates.model import ResolveModel, permit_model
from addons.gates.model_list import ListModels
from addons.gates.order import TO_ALL, TO_FOUNDRY, TO_NOBODY, TO_PROVIDER, Gates, Named
from addons.gates.policy import JudgeBody
from addons.gates.rewrite import Rewrite
from addons.gates.route import Route
from addons.provider_credentials.build import Credentials
from addons.sources.fault import RaiseAlarm, log_alarm
from addons.verifiers.build import build_verifier
from addons.verifiers.protocol import Verifier


@dataclass(frozen=True, slots=True)
class Lasting:
    """What stays when the rules change: all counters, tokens of the provider's, and the receiver of alarms."""

    counters: Counters
    bodies: BodyBytes | None = None  # the bytes of bodies held by calls under way; None: they are not bounded
    under_way: UnderWay = field(default_factory=UnderWay)
    credentials: Credentials = field(default_factory=Credentials)
    alarm: RaiseAlarm = log_alarm
    used_before: UsedBefore | None = None  # where budgets are read again after a restart; None: nowhere


def rules(settings: Settings, lasting: Lasting, verifier: Verifier | None = None) -> Rules:
    """The rules that the settings describe. Reads the files that they name.

    Args:
        settings: the whole configuration.
        lasting: what earlier rules used too.
        verifier: used again, with what it remembers; None: a new one is made.

    Raises:
        ConfigurationError: the file of ``policy.candidate`` is wrong.
        OSError, ValueError: another file that the settings name is missing or wrong; the message says which.
        SecretError: the credentials for ``provider.proxy`` can't be read.
    """
    verifier = verifier or build_verifier(settings.caller, lasting.alarm)
    own = gates(settings, verifier, lasting)
    trust = Trust.load(settings.provider.trusted_ca)
    return Rules(
        own,
        {"provider": own.names("provider"), "foundry": own.names("foundry"), "nobody": own.names("nobody")},
        {
            region: lasting.credentials.of(settings.provider.regions[region].credential)
            for region in settings.provider.allowed_regions
        },
        destinations(settings, trust),
        foundry_addresses(settings),
        trust,
        verifier,
        judged_by(settings),
        candidate_of(settings),
        store_needed=settings.limits.mode == "enforce" and settings.limits.on_store_failure == "refuse",
    )


def candidate_of(settings: Settings) -> Candidate | None:
    """The policy and the models of the file that ``policy.candidate`` names; None where none is named.

    The file is a whole configuration, of which the rest is not used.

    Raises:
        ConfigurationError: as ``loading.load``.
    """
    if settings.policy.candidate is None:
        return None
    other = load(settings.policy.candidate)
    return Candidate(
        policy_hash(other), other.policy, body_policies(other.policy), catalogue_of(other), attested=is_attested(other)
    )


def rules_again(settings: Settings, verifier: Verifier | None, *, lasting: Lasting) -> Rules:
    """As ``rules``, for a changed configuration: every file and every key of a region is read first.

    Raises:
        ConfigurationError, OSError, ValueError: as ``rules``.
        SecretError: as ``rules``; or a region's key can't be read.
    """
    check_files(settings)
    for region in settings.provider.allowed_regions:
        if key := settings.provider.regions[region].api_key:
            key.read()
    return rules(settings, lasting, verifier)


def gates(settings: Settings, verifier: Verifier, lasting: Lasting) -> Gates:
    """Every gate that a call must pass, by name and in order (docs/contract.md#order-of-checks)."""
    catalogue, policy = catalogue_of(settings), JudgeBody(settings.policy, attested=is_attested(settings))
    return Gates(
        head=(
            Named("route", Route(hosts(settings), foundry_hosts(settings), other_paths=forwards(settings)), TO_ALL),
            Named("caller", IdentifyCaller(verifier, settings.caller.by_certificate), TO_PROVIDER | TO_NOBODY),
            Named("concurrency", LimitConcurrency(settings.limits, lasting.under_way), TO_ALL),
            Named("attribution", attribute, TO_PROVIDER | TO_NOBODY),
            Named("media_type", DeclaredBody(settings.policy.max_body_bytes)),
        ),
        body=(
            Named("body", ReadBody(settings.policy.max_body_bytes, settings.policy.max_json_values, lasting.bodies)),
            Named("model", ResolveModel(catalogue)),
            Named("permission", permit_model),
            Named("policy", policy),
            Named("rewrite", Rewrite(endpoints(settings))),
            Named("limits", HoldToLimits(settings.limits, lasting.counters)),
            Named("budgets", HoldToBudgets(settings.limits, lasting.counters, lasting.used_before)),
            Named("forward", forward, TO_FOUNDRY),
            Named("models", ListModels(catalogue, settings.limits, policy.lets_out), TO_NOBODY),
        ),
    )
