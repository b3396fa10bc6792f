"""How many tokens a model can take and give in one call: what an estimate, and a provider's report, may not pass."""

from typing import Final

from addons.foundry.models import Model

ANY_WINDOW: Final = 10_000_000
"""Tokens, where the catalogue's row names no ``context_window``: ten times the largest window of today."""


def window(model: Model) -> int:
    """Input and output of one call together (OpenAI's models page: a context window holds both)."""
    return model.context_window or ANY_WINDOW


def most_output(model: Model) -> int:
    return model.max_output_tokens or window(model)
