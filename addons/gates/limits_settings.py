"""The ``limits:`` section of the configuration (docs/contract.md#limits)."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from addons.foundry.models import Rid
from addons.gates.budget_settings import BudgetsSettings
from addons.gates.by_model import shape
from addons.values.secret import Secret


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limit(_Section):
    """Absent: not limited. 0: denied."""

    tokens_per_minute: Annotated[
        int | None,
        Field(
            ge=0,
            description="input and output together; 0: denied. Default none: not limited, as only the operator knows"
            " what is enough",
        ),
    ] = None
    requests_per_minute: Annotated[
        int | None,
        Field(ge=0, description="0: denied. Default none: not limited, as only the operator knows what is enough"),
    ] = None


type Default = Literal["default"]
type ByModel = dict[Rid | Default, Limit]
type PerModel = Annotated[
    Annotated[Limit, Tag("[limit]")] | Annotated[ByModel, Tag("[by model]")],
    Discriminator(shape(Limit, "[limit]")),
    Field(description="one limit that each model has for itself, or a limit by model RID or default"),
]


def _store_url(url: str) -> str:
    if url == "memory":
        return url
    taken = "memory, redis://HOST:PORT or rediss://HOST:PORT"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # whose own words quote a part of it
        raise ValueError(f"this is no URL; write {taken}") from None
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError(f"{parts.scheme or 'this'!r} is no store; write {taken}")
    if parts.password or parts.query or parts.fragment:  # a query may hold one too
        raise ValueError("a URL with a password is a secret; write {env: NAME} or {file: PATH} that holds it")
    return url


class Concurrency(_Section):
    """Calls under way at a time; one more is refused at once. Counted by each sidecar for itself."""

    per_caller: Annotated[
        int | None,
        Field(
            gt=0,
            description="calls of one caller under way at a time. Default none: not limited, as most sidecars have one"
            " caller",
        ),
    ] = None
    total: Annotated[
        int | None,
        Field(
            gt=0,
            description="calls of this sidecar under way at a time. Default none: not limited, as limits.body_bytes"
            " already bounds the memory",
        ),
    ] = None


class LimitsSettings(_Section):
    """Without this section nothing is limited: only the operator knows what the provider's account bears.

    Documented by Palantir for GPT-5.2, at user level: 500,000 tokens and 1,000 requests a minute.
    """

    storage: Annotated[
        Annotated[str, AfterValidator(_store_url), Tag("[url]")] | Annotated[Secret, Tag("[secret]")],
        Discriminator(lambda value: "[url]" if isinstance(value, str) else "[secret]"),
        Field(
            description="memory: each sidecar counts for itself. redis://… or rediss://… (Redis or Valkey): all that"
            " name it share the limits; a URL with a password comes by reference, {env: NAME} or {file: PATH}. Default"
            " memory: nothing else to run"
        ),
    ] = "memory"
    mode: Annotated[
        Literal["enforce", "warn"],
        Field(
            description="warn only records what would have been refused. Default enforce: a limit that only watches"
            " protects nothing"
        ),
    ] = "enforce"
    enrollment: Annotated[
        ByModel,
        Field(
            description="by model RID, or default for every other model: all traffic. Default none: only the operator"
            " knows what the provider's account bears"
        ),
    ] = {}
    project: Annotated[
        dict[Rid | Default, PerModel],
        Field(
            description="by the RID that attribution names, or default for every other: calls that name one. Default"
            " none: only the operator knows who may use how much"
        ),
    ] = {}
    user: Annotated[
        dict[Default | Annotated[str, StringConstraints(min_length=1)], PerModel],
        Field(
            description="by the caller's subject, or default for every other: calls that name no project, or one that"
            " stands not by its own RID under limits.project. Default none: only the operator knows who may use how"
            " much"
        ),
    ] = {}
    assumed_output_tokens: Annotated[
        int,
        Field(
            gt=0,
            description="output expected of a call that names no max_output_tokens, until its end tells. Default 1024:"
            " most answers are shorter, and a model's own limit would let a handful of calls fill a minute",
        ),
    ] = 1024
    on_store_failure: Annotated[
        Literal["refuse", "allow"],
        Field(
            description="while the store can't be asked, calls are refused with 503, or pass unlimited, which their"
            " records say. Default refuse: a limit that an outage lifts protects nothing"
        ),
    ] = "refuse"
    budgets: Annotated[
        BudgetsSettings,
        Field(description="what may be used in a day, a week or a month. Default: each key's own, given there"),
    ] = BudgetsSettings()
    concurrency: Annotated[
        Concurrency, Field(description="calls under way at a time. Default: each key's own, given there")
    ] = Concurrency()
    body_bytes: Annotated[
        int,
        Field(
            gt=0,
            description="bytes of all bodies held at once; a call whose body has no room is refused with 503. Default"
            " 128 MiB: a quarter of the example pod's memory, since a body takes several times its size while it is"
            " judged",
        ),
    ] = 128 * 1024 * 1024

    @property
    def rates(self) -> bool:
        """Whether anything is limited per minute."""
        return bool(self.enrollment or self.project or self.user)
