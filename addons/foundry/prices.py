"""What a call costs, where the operator says what tokens cost."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MILLION = 1_000_000


class Prices(BaseModel):
    """Per million tokens, all in one currency of the operator's choice. ``cached``: absent means as ``input``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Annotated[float, Field(ge=0)]
    cached: Annotated[float | None, Field(ge=0)] = None
    output: Annotated[float, Field(ge=0)]

    def cost(self, input_tokens: int | None, cached_tokens: int | None, output_tokens: int | None) -> float | None:
        """``cached_tokens`` are part of ``input_tokens``. None where the provider did not report both."""
        if input_tokens is None or output_tokens is None:
            return None
        cached = min(cached_tokens or 0, input_tokens)
        cached_price = self.input if self.cached is None else self.cached
        return ((input_tokens - cached) * self.input + cached * cached_price + output_tokens * self.output) / MILLION
