"""The configuration section ``provider``: where calls go out."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from addons.exchange.attestation import Attested
from addons.foundry.regions import Region
from addons.provider_credentials.settings import RegionCredential
from addons.values.secret import Secret
from addons.values.url import plain_url


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _provider_url(text: str) -> str:
    url = plain_url(text, "https")
    if url.endswith("/responses"):
        raise ValueError(f"{text!r}: leave /responses away, the sidecar adds it; write https://HOST[:PORT]/v1")
    return url


type HeaderValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,256}$")]


class Upstream(_Section, RegionCredential):
    """Where one region's calls go, and what opens it: a static key or the pod's own identity."""

    url: Annotated[
        Annotated[str, AfterValidator(_provider_url)] | None,
        Field(
            description="https://HOST[:PORT]/v1; https only, as the provider's key travels there. Default none:"
            " OpenAI's documented host of the region, so that a typo can't cross a border"
        ),
    ] = None
    organization: Annotated[
        HeaderValue | None,
        Field(description="sent as OpenAI-Organization. Default none: a project's key belongs to one organization"),
    ] = None
    project: Annotated[
        HeaderValue | None,
        Field(description="sent as OpenAI-Project. Default none: a project's key names its project"),
    ] = None


class ProviderTimeouts(_Section):
    """How long the provider may take for what, in seconds."""

    connect: Annotated[
        float,
        Field(
            gt=0,
            description="seconds to reach the provider, TLS included. Default 10: three lost packets' worth of trying",
        ),
    ] = 10.0
    read: Annotated[
        float,
        Field(
            gt=0,
            description="seconds of silence from the provider. Default 1800: reasoning models think for minutes",
        ),
    ] = 1800.0
    total: Annotated[
        float | None,
        Field(gt=0, description="seconds for a whole answer. Default none: a stream that goes on is no fault"),
    ] = None


class Pool(_Section):
    """The connections to the provider that are kept for further calls."""

    idle_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="seconds an unused connection is kept; 0: none is. Default 30: less than load balancers wait"
            " before they close one, so that a call seldom meets a connection that is just ending",
        ),
    ] = 30.0
    most: Annotated[
        int,
        Field(
            gt=0,
            description="connections to one host at a time; each carries one call. Default 100: far more calls than a"
            " sidecar of one app has at once, and far fewer than descriptors",
        ),
    ] = 100
    wait_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="seconds a call waits for a connection while all are in use; then it is refused with 503."
            " Default 10: as long as connecting may take",
        ),
    ] = 10.0


def _proxy_url(text: str) -> str:
    if "@" in text:
        raise ValueError(
            "a proxy's password is a secret; write {url: http://HOST:PORT, credentials: {env: NAME}}, or {file: PATH}"
        )
    url = plain_url(text, "http")
    if urlsplit(url).port is None or urlsplit(url).path:
        raise ValueError(f"{text!r}: write http://HOST:PORT, without a path")
    return url


class ForwardProxy(_Section):
    """An HTTP proxy between the sidecar and the provider. It opens tunnels (CONNECT); what passes them is TLS."""

    url: Annotated[str, AfterValidator(_proxy_url), Field(description="http://HOST:PORT")]
    credentials: Annotated[
        Secret | None,
        Field(description="USER:PASSWORD for the proxy (HTTP Basic), by reference. Default none: most ask for none"),
    ] = None

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port


def _proxy(given: object) -> object:
    return {"url": given} if isinstance(given, str) else given


class ProviderSettings(_Section):
    """Where calls are sent, with which credential, and over which connections."""

    zero_data_retention: Annotated[
        Attested,
        Field(
            description="the operator's statement that the OpenAI project is under ZDR: {by: NAME, date: DAY,"
            " reference: TEXT}, or plainly attested. Default none, with a warning at the start: only the operator knows"
        ),
    ] = None
    trusted_ca: Annotated[
        Path | None,
        Field(
            description="PEM bundle the provider's certificate must chain to. Default none: certifi's, which browsers"
            " trust too"
        ),
    ] = None
    regions: Annotated[
        dict[Region, Upstream], Field(min_length=1, description="each region with its key; there is no fallback")
    ]
    allowed_regions: Annotated[
        tuple[Region, ...],
        Field(
            min_length=1,
            description="regions calls may go to, the preferred first. Default global: where OpenAI serves every model",
        ),
    ] = ("global",)
    timeouts: Annotated[
        ProviderTimeouts,
        Field(description="how long the sidecar waits for the provider. Default: each key's own, given there"),
    ] = ProviderTimeouts()
    pool: Annotated[
        Pool, Field(description="connections kept for further calls. Default: each key's own, given there")
    ] = Pool()
    proxy: Annotated[
        ForwardProxy | None,
        BeforeValidator(_proxy),
        Field(
            description="http://HOST:PORT of a proxy on the way to the provider; with a password: {url: …,"
            " credentials: {env: NAME} or {file: PATH}}. Default none: the provider is dialled directly, whatever"
            " HTTPS_PROXY says"
        ),
    ] = None

    @model_validator(mode="after")
    def _allowed_regions_have_keys(self) -> Self:
        if missing := [name for name in self.allowed_regions if name not in self.regions]:
            raise ValueError(f"allowed_regions names {', '.join(missing)}, but provider.regions has no such entry")
        return self
