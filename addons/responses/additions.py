"""What is added to a body of the Responses API, where the model or the caller decides (docs/contract.md#fields)."""

from addons.bodies.additions import Additions
from addons.bodies.verdict import Change
from addons.responses.includes import ENCRYPTED_REASONING
from addons.responses.leftovers import choose_among_what_is_left


def add(to: Additions) -> None:
    choose_among_what_is_left(to.body, to.members, to.notes)
    to.keep_prompts_in_memory()
    to.store_nothing()
    if to.model.reasoning and to.body.get("store") is not False:
        _return_reasoning(to)
    to.limit_output("max_output_tokens")
    to.name_caller()
    to.share_cache()


def _return_reasoning(to: Additions) -> None:
    """A caller that did not write ``store: false`` does not know that nobody keeps the reasoning for it.

    One that did has chosen what it wants back, and is left alone.
    """
    include = to.members.get("include", to.body.get("include"))
    asked = include if isinstance(include, list) else []
    if ENCRYPTED_REASONING not in asked:
        to.members["include"] = [*asked, ENCRYPTED_REASONING]
        reason = "nothing is stored, so the reasoning goes back to the caller, sealed"
        to.notes.change(Change("include", "added", "ZERO_DATA_RETENTION", reason))
