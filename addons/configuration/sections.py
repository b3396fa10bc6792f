"""The sections of all rooms in one file (docs/contract.md#configuration). Each room defines its own."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from addons.apis.policy_settings import PolicySettings
from addons.exchange.listen_settings import ListenSettings
from addons.exchange.provider_settings import ProviderSettings
from addons.foundry.models import Rid
from addons.foundry.prices import ModelPrices
from addons.foundry.settings import FoundrySettings, ModelsSettings
from addons.gates.limits_settings import LimitsSettings
from addons.inspecting.settings import InspectSettings
from addons.journal.settings import TelemetrySettings
from addons.process.settings import LifecycleSettings, LogSettings
from addons.usage.settings import UsageSettings
from addons.values.program import PROGRAM
from addons.verifiers.settings import CallerSettings

_OWN = "Default: the default of each key, given there"


class Sections(BaseModel):
    """All sections, each valid by itself. ``Settings`` adds the rules between them."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Foundry sidecar")

    listen: Annotated[ListenSettings, Field(description=f"where the sidecar listens for calls. {_OWN}")] = (
        ListenSettings()
    )
    foundry: Annotated[FoundrySettings, Field(description=f"Foundry's hosts, paths and errors. {_OWN}")] = (
        FoundrySettings()
    )
    provider: Annotated[ProviderSettings, Field(description="where calls are sent, and with which credential")]
    caller: Annotated[CallerSettings, Field(description="how callers are verified")]
    models: Annotated[ModelsSettings, Field(description=f"the models of the catalogue. {_OWN}")] = ModelsSettings()
    prices: Annotated[
        dict[Rid, ModelPrices],
        Field(
            description="prices of tokens by model RID, for the cost in the ledger. Default none: prices change, and"
            " many organizations have their own"
        ),
    ] = {}
    policy: Annotated[PolicySettings, Field(description=f"what a body may hold. {_OWN}")] = PolicySettings()
    limits: Annotated[LimitsSettings, Field(description=f"how much may be used. {_OWN}")] = LimitsSettings()
    usage: Annotated[UsageSettings, Field(description=f"where the usage of calls is recorded. {_OWN}")] = (
        UsageSettings()
    )
    telemetry: Annotated[
        TelemetrySettings, Field(description=f"where metrics, traces and records are sent. {_OWN}")
    ] = TelemetrySettings()
    lifecycle: Annotated[LifecycleSettings, Field(description=f"how the process ends. {_OWN}")] = LifecycleSettings()
    log: Annotated[LogSettings, Field(description=f"what is written to standard output. {_OWN}")] = LogSettings()
    inspect: Annotated[InspectSettings, Field(description=f"what `{PROGRAM} web` keeps and holds. {_OWN}")] = (
        InspectSettings()
    )
