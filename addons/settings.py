"""What the operator may configure: the shape of the one YAML file (SPEC §10).

Values come from the file, then from ``SIDECAR_<SECTION>__<KEY>`` in the environment, which wins.
Reading them is ``configuration.py``'s work; this module only says what is right.
"""

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from addons.address import Address, PassedHost, is_loopback, split_address
from addons.foundry.models import Model
from addons.foundry_settings import FoundrySettings
from addons.inspect_settings import InspectSettings
from addons.responses.policy_settings import PolicySettings
from addons.secret import Secret
from addons.stores.ledger_settings import UsageSettings
from addons.stores.limits_settings import LimitsSettings
from addons.telemetry_settings import TelemetrySettings
from addons.verifiers.settings import CallerSettings

REGION_HOSTS: Final = {
    "global": "api.openai.com",
    "us": "us.api.openai.com",
    "eu": "eu.api.openai.com",
    "ae": "ae.api.openai.com",
    "au": "au.api.openai.com",
    "in": "in.api.openai.com",
    "jp": "jp.api.openai.com",
}
"""OpenAI's documented regional hosts (SPEC §4): a region's name decides the host, so a typo can't cross a border."""

type Region = Literal["global", "us", "eu", "ae", "au", "in", "jp"]


class Section(BaseModel):
    """Settings never change once read, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsFiles(Section):
    certificate: Annotated[Path, Field(description="PEM: the leaf certificate first, then its chain")]
    key: Annotated[Path, Field(description="PEM: the leaf's private key")]


class Listen(Section):
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


class Upstream(Section):
    """Where one region's calls go, and the key that opens it."""

    url: Annotated[str | None, Field(description="https only; absent: OpenAI's documented host of the region")] = None
    api_key: Annotated[Secret, Field(description="the OpenAI project's key, by reference")]
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


class Timeouts(Section):
    connect: Annotated[float, Field(gt=0, description="seconds to reach the provider, TLS included")] = 10.0
    read: Annotated[
        float, Field(gt=0, description="seconds of silence from the provider; reasoning models think for minutes")
    ] = 1800.0
    total: Annotated[float | None, Field(gt=0, description="seconds for a whole answer; absent: no such limit")] = None


class Provider(Section):
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
    def _allowed_regions_have_keys(self) -> "Provider":
        if missing := [name for name in self.allowed_regions if name not in self.regions]:
            raise ValueError(f"allowed_regions names {', '.join(missing)}, but provider.regions has no such entry")
        return self


class Models(Section):
    allow_plain_names: Annotated[
        bool, Field(description="accept OpenAI's own model names too; Foundry itself does not")
    ] = False
    extra: Annotated[tuple[Model, ...], Field(description="rows added to the shipped catalogue, or replacing its")] = ()


class LifecycleSettings(Section):
    announce_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="after SIGTERM: seconds in which new connections are still taken, though readiness fails, so"
            " that endpoints can be withdrawn; 5 does for a pod",
        ),
    ] = 0.0
    drain_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="after SIGTERM: seconds until calls still under way are cut; some less than the pod's grace"
            " period (terminationGracePeriodSeconds, by default 30)",
        ),
    ] = 25.0

    @model_validator(mode="after")
    def _announcing_leaves_time(self) -> "LifecycleSettings":
        if self.announce_seconds >= self.drain_seconds:
            raise ValueError("announce_seconds is a part of drain_seconds, so it must be smaller")
        return self


class Log(Section):
    format: Annotated[
        Literal["json", "console"] | None, Field(description="absent: console on a terminal, json elsewhere")
    ] = None


class Mitmproxy(Section):
    lean: Annotated[
        bool,
        Field(description="it does the same with less work; false: it stays as it comes, to look for a fault"),
    ] = True


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="SIDECAR_", env_nested_delimiter="__", title="Foundry sidecar"
    )

    listen: Listen = Listen()
    foundry: FoundrySettings = FoundrySettings()
    provider: Provider
    caller: CallerSettings
    models: Models = Models()
    policy: PolicySettings = PolicySettings()
    limits: LimitsSettings = LimitsSettings()
    usage: UsageSettings = UsageSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    log: Log = Log()
    inspect: InspectSettings = InspectSettings()
    mitmproxy: Mitmproxy = Mitmproxy()

    @model_validator(mode="after")
    def _development_stays_at_home(self) -> "Settings":
        host, _ = split_address(self.listen.reverse)
        if self.caller.verifier == "development" and not is_loopback(host):
            raise ValueError(
                f"caller.verifier development accepts any token, so it may listen on loopback alone;"
                f" listen.reverse is {self.listen.reverse}. Choose another verifier or listen on 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _nothing_goes_round_the_gates(self) -> "Settings":
        foundry = {name.lower() for name in self.foundry.hostnames}
        urls = [region.url for region in self.provider.regions.values() if region.url]
        providers = {*REGION_HOSTS.values(), *(urlsplit(url).hostname or "" for url in urls)}
        for passed in self.listen.passthrough_hosts:
            if split_address(passed)[0] in foundry | providers:
                raise ValueError(f"listen.passthrough_hosts: {passed} would be a way round the gates; take it out")
        if self.foundry.other_paths == "forward" and (both := foundry & providers):
            raise ValueError(
                f"foundry.hostnames: {', '.join(both)} is a provider's; other_paths would go round the gates"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings
