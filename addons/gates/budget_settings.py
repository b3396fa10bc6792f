"""The section ``limits.budgets``: what may be used in a day, a week or a month."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from addons.foundry.models import Rid
from addons.gates.by_model import shape


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Budget(_Section):
    """What is absent is not limited; 0 denies."""

    tokens: Annotated[
        int | None,
        Field(ge=0, description="input and output together. Default none: what is not written is not limited"),
    ] = None
    requests: Annotated[
        int | None, Field(ge=0, description="calls that left. Default none: what is not written is not limited")
    ] = None
    money: Annotated[
        float | None,
        Field(
            ge=0,
            le=1e9,
            allow_inf_nan=False,
            description="in the currency of the section prices. Default none: what is not written is not limited",
        ),
    ] = None


class Budgets(_Section):
    """Each period for itself; all that are written hold."""

    day: Annotated[
        Budget | None, Field(description="from midnight in time_zone. Default none: what is not written is not limited")
    ] = None
    week: Annotated[
        Budget | None, Field(description="from Monday. Default none: what is not written is not limited")
    ] = None
    month: Annotated[
        Budget | None, Field(description="from the first. Default none: what is not written is not limited")
    ] = None


type Default = Literal["default"]
type ByModel = dict[Rid | Literal["all"], Budgets]
type PerModel = Annotated[
    Annotated[Budgets, Tag("[all models]")] | Annotated[ByModel, Tag("[by model]")],
    Discriminator(shape(Budgets, "[all models]")),
    Field(description="one budget for all models together, or budgets by model RID, and all for all together"),
]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write for example UTC or Europe/Berlin") from None
    return name


class BudgetsSettings(_Section):
    """Over budget is a 403 and no 429, which clients would try again."""

    time_zone: Annotated[
        Annotated[str, AfterValidator(_zone)],
        Field(
            description="whose midnight begins a day, by its IANA name. Default UTC: as records and the ledger have it"
        ),
    ] = "UTC"
    enrollment: Annotated[
        PerModel | None, Field(description="all traffic. Default none: what is not written is not limited")
    ] = None
    project: Annotated[
        dict[Rid | Default, PerModel],
        Field(
            description="by the RID that attribution names, or default for each other."
            " Default none: what is not written is not limited"
        ),
    ] = {}
    user: Annotated[
        dict[Annotated[str, StringConstraints(min_length=1)], PerModel],
        Field(
            description="by the caller's subject, or default for each other: calls that name no project, or one that"
            " stands not by its own RID under limits.budgets.project."
            " Default none: what is not written is not limited"
        ),
    ] = {}
    warn_at: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        Field(
            description="shares of a budget at which the log and a metric tell. Default 0.8 and 1:"
            " in time to do something about it, and when it is used up"
        ),
    ] = (0.8, 1.0)
    unknown_price: Annotated[
        Literal["refuse", "allow"],
        Field(
            description="a call whose model or service tier has no price, where a budget in money holds for it:"
            " refused, or let through uncounted. Default refuse: what has no price would have no limit"
        ),
    ] = "refuse"

    @property
    def any(self) -> bool:
        return bool(self.enrollment or self.project or self.user)
