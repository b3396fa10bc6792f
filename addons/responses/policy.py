"""The whole policy, on one body (SPEC §4)."""

from contextlib import suppress
from typing import Final

from addons.foundry.models import Model
from addons.responses.additions import Additions
from addons.responses.fields import REQUEST
from addons.responses.notes import EnoughError, Notes
from addons.responses.policy_settings import PolicySettings
from addons.responses.verdict import Absent, Finding, Json, Verdict
from addons.responses.walk import Walk

MAX_DEPTH: Final = 64

_CONTAINERS: Final = (dict, list)


def judge(
    body: dict[str, Json],
    model: Model,
    settings: PolicySettings,
    *,
    safety_identifier: str | None = None,
    session_cache_key: str | None = None,
) -> Verdict:
    """Judges one request body by the tables, and says what is to change in it.

    Args:
        body: the parsed JSON object. It is not modified.
        model: the row of the model the body asks for.
        settings: the operator's choices.
        safety_identifier: what to call the caller towards the provider; see ``additions.pseudonym``.
        session_cache_key: the ``prompt_cache_key`` of a call that has none; see ``additions.session_key``.

    ``store`` is false in whatever is forwarded, in ``warn`` mode too. ``model`` is not replaced here.
    """
    notes = Notes(settings)
    if _deeper_than(MAX_DEPTH, body):
        complaint = f"The body is nested more than {MAX_DEPTH} levels deep; flatten it."
        return Verdict((Finding("", "INVALID", complaint, "invalid_json"),), (), (), {})
    members: dict[str, Json | Absent] = {}
    with suppress(EnoughError):
        members = Walk(notes, settings).changed_members(body, REQUEST, None, ())
    if not notes.refused:
        additions = Additions(body, members, notes)
        additions.of_model(model)
        additions.of_caller(safety_identifier, session_cache_key)
    return Verdict(tuple(notes.refused), tuple(notes.warned), tuple(notes.changes), members)


def _deeper_than(most: int, body: Json) -> bool:
    """Level by level rather than by recursion, and over containers alone: strings cost nothing."""
    containers = [body]
    for _ in range(most):
        containers = [
            child
            for container in containers
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, _CONTAINERS)
        ]
        if not containers:
            return False
    return True
