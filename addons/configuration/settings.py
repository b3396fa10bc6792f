"""The whole configuration: the sections of all rooms in one file (SPEC §10).

Values come from the file, then from ``SIDECAR_<SECTION>__<KEY>`` in the environment, which wins. Reading them is
``loading.py``'s work; this module says what must hold between sections.
"""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from addons.exchange.settings import ListenSettings, ProviderSettings
from addons.foundry.regions import REGION_HOSTS
from addons.foundry.settings import FoundrySettings, ModelsSettings
from addons.inspecting.settings import InspectSettings
from addons.journal.settings import TelemetrySettings
from addons.process.settings import LifecycleSettings, LogSettings
from addons.responses.policy_settings import PolicySettings
from addons.stores.ledger_settings import UsageSettings
from addons.stores.limits_settings import LimitsSettings
from addons.values.address import is_loopback, split_address
from addons.verifiers.settings import CallerSettings


class Mitmproxy(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    lean: Annotated[
        bool,
        Field(description="it does the same with less work; false: it stays as it comes, to look for a fault"),
    ] = True


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="SIDECAR_", env_nested_delimiter="__", title="Foundry sidecar"
    )

    listen: ListenSettings = ListenSettings()
    foundry: FoundrySettings = FoundrySettings()
    provider: ProviderSettings
    caller: CallerSettings
    models: ModelsSettings = ModelsSettings()
    policy: PolicySettings = PolicySettings()
    limits: LimitsSettings = LimitsSettings()
    usage: UsageSettings = UsageSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    log: LogSettings = LogSettings()
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
    def _certificates_need_tls(self) -> "Settings":
        if "certificate" in self.caller.verifiers and self.listen.tls is None:
            raise ValueError("caller.verifier certificate: callers show one over TLS alone; write listen.tls")
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
