"""Works out from the settings which hosts are served, where calls are sent, which models there are, what to warn of."""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

import structlog

from addons.configuration.agreement import UNSPECIFIED
from addons.configuration.settings import Settings
from addons.exchange.upstream.destination import Destination, EgressProxy, Trust
from addons.foundry.catalogue import Catalogue
from addons.foundry.models import Model
from addons.foundry.regions import REGION_HOSTS
from addons.foundry.shipped_models import SHIPPED
from addons.gates.rewrite import RegionEndpoint
from addons.gates.route import LOOPBACK_NAMES
from addons.process.banner import Listening
from addons.values.address import split_address

_log = structlog.get_logger("sidecar")


def warn(settings: Settings) -> None:
    """Logs at the start what the operator should know."""
    if not is_attested(settings):
        _log.warning(
            "zero_data_retention_not_attested",
            meaning="store: false alone is not zero data retention; it is a setting of the OpenAI organization",
            remedy="when the project has it, say who confirmed it: provider.zero_data_retention: {by, date, reference}",
        )
    if settings.caller.verifier == "development":
        _log.warning("development_mode", meaning="any well-formed token is accepted, on loopback only")
    if forwards(settings):
        _log.warning(
            "other_paths_forwarded",
            hostnames=sorted(foundry_hosts(settings)),
            meaning="calls to other paths of Foundry are forwarded without a check, with the caller's own token",
        )
    for line in advice(settings):
        _log.warning("configuration_advice", meaning=line)
    warn_of_days(settings)


def warn_of_days(settings: Settings) -> None:
    """Logs what depends on today's date. To be called each day, since it may not have been so at the start."""
    today = datetime.now(UTC).date()
    for note in attestation_notes(settings, today):
        _log.warning("zero_data_retention_to_be_confirmed", meaning=note)
    if near := catalogue_of(settings).warnings(today):
        _log.warning(
            "models_shutdown_near",
            models={model.rid: str(model.shutdown) for model in near},
            meaning="OpenAI shuts them down; calls are refused from that day on",
        )


def attestation_notes(settings: Settings, today: date) -> Iterator[str]:
    """What to do about the statement of zero data retention. Nothing where there is none: ``warn`` logs that."""
    attestation = settings.provider.zero_data_retention
    return attestation.notes(today) if attestation else iter(())


def days_to_shutdown(settings: Settings) -> Iterator[tuple[str, int]]:
    """The provider's name of each model in use that has a day of shutdown, and how many days are left."""
    today = datetime.now(UTC).date()
    for model, _ in catalogue_of(settings).available(today):
        if model.shutdown and model.provider_model:
            yield model.provider_model, (model.shutdown - today).days


def advice(settings: Settings) -> Iterator[str]:
    """Settings that still work, or do nothing, and should be written in another way."""
    known = {row.rid for row in SHIPPED} | {row.rid for row in settings.models.extra}
    for row in settings.models.extra:
        if row.prices and row.rid in settings.prices:
            yield f"models.extra: the prices of {row.rid} are not used, since prices has others; take them out here"
        elif row.prices:
            yield f"models.extra: write the prices of {row.rid} under prices; version 0.3 will not read them here"
    for rid in settings.prices:
        if rid not in known:
            yield f"prices: {rid} is no model of the catalogue; correct the RID, or add a row to models.extra"


def hosts(settings: Settings) -> frozenset[str]:
    """The host names that the reverse listener serves: Foundry's, loopback's, and the one it listens on."""
    listening, _ = split_address(settings.listen.reverse)
    names = foundry_hosts(settings) | LOOPBACK_NAMES
    return frozenset(names if listening in UNSPECIFIED else names | {listening})


def foundry_hosts(settings: Settings) -> frozenset[str]:
    """Foundry's host names, in their normal form."""
    return frozenset(settings.foundry.hostnames)


def forwards(settings: Settings) -> bool:
    """Whether calls to other paths of Foundry are forwarded to it."""
    return settings.foundry.other_paths == "forward"


def foundry_addresses(settings: Settings) -> Mapping[str, tuple[str, int] | None]:
    """Foundry's host names that calls may be forwarded to, each with the address that is configured, or None."""
    if not forwards(settings):
        return {}
    written = {name: split_address(address) for name, address in settings.foundry.addresses.items()}
    return {name: written.get(name) for name in foundry_hosts(settings)}


def endpoints(settings: Settings) -> Mapping[str, RegionEndpoint]:
    """The base URL of each allowed region, with the headers for organization and project that are configured."""
    found: dict[str, RegionEndpoint] = {}
    for region in settings.provider.allowed_regions:
        upstream = settings.provider.regions[region]
        headers = {"OpenAI-Organization": upstream.organization, "OpenAI-Project": upstream.project}
        found[region] = RegionEndpoint(
            upstream.url or f"https://{REGION_HOSTS[region]}/v1",
            tuple((name, value) for name, value in headers.items() if value),
        )
    return found


def destinations(settings: Settings, trust: Trust) -> Mapping[str, Destination]:
    """The destination of each allowed region's calls. The sidecar connects to no other address of the provider.

    Raises:
        SecretError: the egress proxy's credentials can't be read.
    """
    proxy = _egress_proxy(settings)
    return {
        region: Destination(region, endpoint.address, endpoint.address[0], trust, proxy)
        for region, endpoint in endpoints(settings).items()
    }


def _egress_proxy(settings: Settings) -> EgressProxy | None:
    proxy = settings.provider.proxy
    if proxy is None:
        return None
    credentials = proxy.credentials.read().encode() if proxy.credentials else None
    authorization = b"Basic " + base64.b64encode(credentials) if credentials else None
    return EgressProxy(*proxy.address, authorization)


def is_attested(settings: Settings) -> bool:
    """Whether the operator states that the OpenAI organization has zero data retention."""
    return settings.provider.zero_data_retention is not None


def catalogue_of(settings: Settings) -> Catalogue:
    """The catalogue in force: the shipped models, the operator's rows, and the allowed regions."""
    return Catalogue(
        extra=rows(settings),
        allow_plain_names=settings.models.allow_plain_names,
        allowed_regions=settings.provider.allowed_regions,
    )


def rows(settings: Settings) -> tuple[Model, ...]:
    """The operator's rows of the catalogue, with the prices of the section ``prices`` in them."""
    extra = {row.rid: row for row in settings.models.extra}
    known = {row.rid for row in SHIPPED} | set(extra)
    for rid, prices in settings.prices.items():
        if rid in known:
            own = extra.get(rid)
            extra[rid] = own.model_copy(update={"prices": prices}) if own else Model(rid=rid, prices=prices)
    return tuple(extra.values())


def listening(settings: Settings) -> Listening:
    """What the banner says at the start. The addresses are empty: they are known once everything listens."""
    attested = "attested" if is_attested(settings) else "not attested"
    return Listening(
        addresses=(),
        authority=str(settings.listen.certificates.expanduser() / "mitmproxy-ca-cert.pem"),
        policy=f"{settings.policy.mode}; zero data retention {attested}",
        verifier=", ".join(settings.caller.verifiers),
        regions=settings.provider.allowed_regions,
    )


def is_documented(region: str, endpoint: RegionEndpoint) -> bool:
    """Whether a region's calls go to the host that OpenAI documents for it."""
    return endpoint.address == (REGION_HOSTS[region], 443)
