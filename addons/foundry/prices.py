"""What a call costs, where the operator says what tokens cost."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MILLION: Final = 1_000_000
CACHE_WRITE: Final = 1.25
"""What OpenAI bills for a token written to the cache, as a multiple of an input token's price (gpt-5.6 and later)."""

type Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
type Tier = Literal["default", "flex", "scale", "priority", "fast", "ultrafast"]


class Prices(BaseModel):
    """Per million tokens, all in one currency of the operator's choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Annotated[Price, Field(description="of input that was in no cache")]
    cached: Annotated[
        Price | None, Field(description="of input read from the cache. Default none: as input, the dearer of the two")
    ] = None
    cache_write: Annotated[
        Price | None,
        Field(description="of input written to the cache. Default none: 1.25 times input, as OpenAI bills it"),
    ] = None
    output: Annotated[Price, Field(description="of output, reasoning included")]

    def cost(
        self,
        input_tokens: int | None,
        cached_tokens: int | None,
        output_tokens: int | None,
        cache_write_tokens: int | None = None,
    ) -> float | None:
        """In the prices' currency. None where the provider did not report input and output.

        ``cached_tokens`` and ``cache_write_tokens`` are parts of ``input_tokens``.
        """
        if input_tokens is None or output_tokens is None:
            return None
        cached = min(cached_tokens or 0, input_tokens)
        written = min(cache_write_tokens or 0, input_tokens - cached)
        cached_price = self.input if self.cached is None else self.cached
        write_price = self.input * CACHE_WRITE if self.cache_write is None else self.cache_write
        plain = input_tokens - cached - written
        return (
            plain * self.input + cached * cached_price + written * write_price + output_tokens * self.output
        ) / MILLION


class DatedPrices(Prices):
    """Prices from a day on, until the next row's."""

    since: Annotated[
        date | None, Field(description="the first day they hold, in UTC. Default none: from the beginning")
    ] = None
    tiers: Annotated[
        dict[Tier, Prices],
        Field(
            description="prices of other service tiers. Default none: the cost of a call in a tier without prices is"
            " not known, rather than wrong"
        ),
    ] = {}


def _rows(given: Any) -> Any:
    return [given] if isinstance(given, dict | Prices) else given


def _in_order(rows: tuple[DatedPrices, ...]) -> tuple[DatedPrices, ...]:
    days = [row.since or date.min for row in rows]
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise ValueError("write the rows in the order of their since, each day once; the first alone may have none")
    return rows


type ModelPrices = Annotated[
    tuple[DatedPrices, ...], BeforeValidator(_rows), AfterValidator(_in_order), Field(min_length=1)
]
"""One model's prices over time; one row may stand without a list."""


def prices_on(rows: Sequence[DatedPrices], day: date, tier: str | None = None) -> Prices | None:
    """The prices of a call on a day, UTC, in the service tier that the answer names; None where none are written."""
    row = next((row for row in reversed(rows) if (row.since or date.min) <= day), None)
    if row is None or tier is None or tier in {"auto", "default"}:
        return row
    tiers: Mapping[str, Prices] = dict(row.tiers.items())
    return tiers.get(tier)
