"""One language model as the catalogue knows it."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from addons.foundry.prices import Prices
from addons.foundry.rid import RID

Rid = Annotated[str, StringConstraints(pattern=f"^{RID.pattern}$")]


class Model(BaseModel):
    """A row of the catalogue: shipped in ``catalogue.py``, or written under ``models.extra``.

    A row without ``provider_model`` is a model Foundry offers but OpenAI does not serve.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rid: Rid
    provider_model: str | None = None
    snapshot: dict[str, str] = Field(default_factory=dict)  # region -> dated snapshot required there
    regions: tuple[str, ...] = ("global",)
    context_window: int | None = Field(None, gt=0)  # tokens
    max_output_tokens: int | None = Field(None, gt=0)  # the model's own limit
    output_cap: int | None = Field(None, gt=0)  # the operator's: max_output_tokens may not exceed it
    default_output_tokens: int | None = Field(None, gt=0)  # added when the caller names none
    reasoning: bool = False
    in_memory_cache: bool = False  # accepts prompt_cache_retention: in_memory
    daily_cache: bool = True  # else keeps prompts for up to 24 hours; a row that does not know is held to do so
    prices: Prices | None = None  # for the cost in the ledger; none are shipped
    shutdown: date | None = None  # refused from this day on
    successor: str | None = None  # what OpenAI names in its place, by OpenAI's name
    enabled: bool = True
    source: str = "the operator's configuration"  # where the RID comes from

    @property
    def keeps_prompts_for_a_day(self) -> bool:
        """Whether the provider keeps prompts for up to 24 hours, whatever a call asks, unless it is under ZDR."""
        return self.daily_cache and not self.in_memory_cache
