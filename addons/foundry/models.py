"""One language model as the catalogue knows it."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from addons.foundry.prices import ModelPrices
from addons.foundry.rid import RID

type ApiName = Literal["responses", "chat_completions", "embeddings"]

Rid = Annotated[str, StringConstraints(pattern=f"^{RID.pattern}$")]

_KEPT = "Default: the shipped row's;"


class Model(BaseModel):
    """A row of the catalogue: shipped in ``shipped_models.py``, or written under ``models.extra``.

    A row without ``provider_model`` is a model Foundry offers but OpenAI does not serve.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rid: Annotated[Rid, Field(description="as Foundry's Model Catalog shows it")]
    provider_model: Annotated[
        str | None,
        Field(description=f"OpenAI's name of it. {_KEPT} else none: Foundry offers models that OpenAI does not serve"),
    ] = None
    snapshot: Annotated[
        dict[str, str],
        Field(description=f"region to the dated snapshot required there. {_KEPT} else none: most regions need none"),
    ] = {}
    regions: Annotated[
        tuple[str, ...],
        Field(description=f"regions it may be used in. {_KEPT} else global: the one that serves every model"),
    ] = ("global",)
    apis: Annotated[
        tuple[ApiName, ...],
        Field(description=f"OpenAI's APIs that serve it. {_KEPT} else responses and chat_completions, as nearly all"),
    ] = ("responses", "chat_completions")
    context_window: Annotated[
        int | None,
        Field(gt=0, description=f"tokens, input and output together. {_KEPT} else none: what is not known is not said"),
    ] = None
    max_output_tokens: Annotated[
        int | None,
        Field(gt=0, description=f"the model's own limit, in tokens. {_KEPT} else none: what is not known is not said"),
    ] = None
    output_cap: Annotated[
        int | None,
        Field(
            gt=0,
            description="the operator's limit: a body's max_output_tokens may not exceed it. Default none: the model's"
            " own limit does",
        ),
    ] = None
    default_output_tokens: Annotated[
        int | None,
        Field(
            gt=0,
            description="max_output_tokens of a call that names none. Default none: the body leaves as it came",
        ),
    ] = None
    reasoning: Annotated[
        bool,
        Field(description=f"whether it gives encrypted reasoning. {_KEPT} else false: it is not asked for"),
    ] = False
    in_memory_cache: Annotated[
        bool,
        Field(
            description=f"accepts prompt_cache_retention: in_memory; where false the provider may keep prompts a day."
            f" {_KEPT} else false: not every model takes it"
        ),
    ] = False
    daily_cache: Annotated[
        bool,
        Field(
            description="whether it keeps prompts for up to 24 hours where it does not accept in_memory."
            f" {_KEPT} else true: a row that does not know is held to do so"
        ),
    ] = True
    prices: Annotated[
        ModelPrices | tuple[()],
        Field(description="as under prices, which is where they stand now. Default none: they stand there"),
    ] = ()
    shutdown: Annotated[
        date | None, Field(description=f"refused from this day on. {_KEPT} else none: most models have no date yet")
    ] = None
    successor: Annotated[
        str | None, Field(description=f"what OpenAI names in its place, by OpenAI's name. {_KEPT} else none: it stays")
    ] = None
    enabled: Annotated[bool, Field(description="false: nobody may use it. Default true: a row is there to be used")] = (
        True
    )
    source: Annotated[
        str, Field(description="where the RID comes from. Default the operator's configuration: that is where rows are")
    ] = "the operator's configuration"

    @property
    def keeps_prompts_for_a_day(self) -> bool:
        """Whether the provider keeps prompts for up to 24 hours, whatever a call asks, unless it is under ZDR."""
        return self.daily_cache and not self.in_memory_cache
