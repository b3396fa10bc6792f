"""What is added to a body of the chat completions API, where the model or the caller decides."""

from typing import Final

from addons.bodies.additions import Additions
from addons.bodies.verdict import Change

CAPS: Final = ("max_completion_tokens", "max_tokens")
"""Members that limit an answer: the newer name, and the one it had before."""


def add(to: Additions) -> None:
    to.keep_prompts_in_memory()
    to.store_nothing()
    to.limit_output(*CAPS)
    to.name_caller()
    to.share_cache()
    if to.body.get("stream") is True:
        _ask_for_usage(to)


def _ask_for_usage(to: Additions) -> None:
    """Without it a stream does not say what it used; ``stream.py`` takes the chunk out again for who did not ask."""
    options = to.body.get("stream_options") or {}
    if options.get("include_usage") is True:
        return
    asked = options.get("include_usage") is not None
    to.members["stream_options"] = {**options, "include_usage": True}
    reason = "usage is known of every call; its chunk is taken out of the answer again, the null members stay"
    to.notes.change(Change("stream_options.include_usage", "forced" if asked else "added", "COST", reason))
