"""The configuration sections ``listen`` and ``provider``: where calls come in, and where they go out."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from addons.foundry.regions import Region
from addons.provider_credentials.settings import OpenedBy
from addons.values.address import Address, PassedHost


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsFiles(_Section):
    certificate: Annotated[Path, Field(description="PEM: the leaf certificate first, then its chain")]
    key: Annotated[Path, Field(description="PEM: the leaf's private key")]


class ListenSettings(_Section):
    reverse: Annotated[Address, Field(description="apps whose base URL points here")] = "127.0.0.1:8080"
    admin: Annotated[
        Address | None, Field(description="/livez, /readyz and /metrics, for the operator alone; absent: none of them")
    ] = None
    proxy: Annotated[
        Address | None,
        Field(description="explicit proxy, for apps that keep Foundry's host name and use HTTPS_PROXY; absent: none"),
    ] = None
    head_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="seconds a caller has for a request's headers; a connection kept between calls is not hurried",
        ),
    ] = 60.0
    body_seconds: Annotated[
        float, Field(gt=0, description="seconds a caller has to send its body; then its connection is closed")
    ] = 120.0
    passthrough_hosts: Annotated[
        tuple[PassedHost, ...],
        Field(
            description="HOST or HOST:PORT the explicit proxy tunnels to, unread; default: none, it is no open relay"
        ),
    ] = ()
    tls: Annotated[
        TlsFiles | None,
        Field(
            description="the certificate the reverse port shows to callers that speak TLS; without it one is made"
            " from the sidecar's own authority, whose certificate lies in the certificates directory"
        ),
    ] = None
    certificates: Annotated[
        Path, Field(description="directory of the sidecar's own certificate authority; made when missing")
    ] = Path("~/.foundry-sidecar")


class Upstream(_Section, OpenedBy):
    """Where one region's calls go, and what opens it: a static key or the pod's own identity."""

    url: Annotated[str | None, Field(description="https only; absent: OpenAI's documented host of the region")] = None
    organization: Annotated[str | None, Field(description="sent as OpenAI-Organization")] = None
    project: Annotated[str | None, Field(description="sent as OpenAI-Project")] = None

    @model_validator(mode="after")
    def _url_is_https(self) -> "Upstream":
        if self.url is None:
            return self
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"{self.url!r}: the provider's key travels over TLS alone; write https://HOST[:PORT]/v1")
        if parts.username or parts.query or parts.fragment:
            raise ValueError(f"{self.url!r} may hold a host, a port and a path, nothing else")
        return self


class Timeouts(_Section):
    connect: Annotated[float, Field(gt=0, description="seconds to reach the provider, TLS included")] = 10.0
    read: Annotated[
        float, Field(gt=0, description="seconds of silence from the provider; reasoning models think for minutes")
    ] = 1800.0
    total: Annotated[float | None, Field(gt=0, description="seconds for a whole answer; absent: no such limit")] = None


class ProviderSettings(_Section):
    zero_data_retention: Annotated[
        Literal["attested"] | None,
        Field(description="the operator's word that the OpenAI project is under ZDR; absent: a warning at start"),
    ] = None
    trusted_ca: Annotated[
        Path | None, Field(description="PEM bundle the provider's certificate must chain to; default: certifi's")
    ] = None
    regions: Annotated[
        dict[Region, Upstream], Field(min_length=1, description="each region with its key; there is no fallback")
    ]
    allowed_regions: Annotated[
        tuple[Region, ...], Field(min_length=1, description="regions calls may go to, the preferred first")
    ] = ("global",)
    timeouts: Timeouts = Timeouts()

    @model_validator(mode="after")
    def _allowed_regions_have_keys(self) -> "ProviderSettings":
        if missing := [name for name in self.allowed_regions if name not in self.regions]:
            raise ValueError(f"allowed_regions names {', '.join(missing)}, but provider.regions has no such entry")
        return self
