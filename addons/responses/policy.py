"""The whole policy, on one body (SPEC §4)."""

from contextlib import suppress

from addons.foundry.models import Model
from addons.responses.additions import Additions
from addons.responses.fields import REQUEST
from addons.responses.leftovers import choose_among_what_is_left
from addons.responses.notes import EnoughError, Notes
from addons.responses.policy_settings import PolicySettings
from addons.responses.verdict import Absent, Json, Verdict
from addons.responses.walk import Walk


def judge(  # noqa: PLR0913 - all that one verdict rests on
    body: dict[str, Json],
    model: Model,
    settings: PolicySettings,
    *,
    attested: bool = False,
    safety_identifier: str | None = None,
    session_cache_key: str | None = None,
) -> Verdict:
    """Judges one request body by the tables, and says what is to change in it.

    Args:
        body: the JSON object as ``splice.read`` gives it, which bounds how deep it nests. It is not modified.
        model: the row of the model the body asks for.
        settings: the operator's choices.
        attested: whether the operator states that the OpenAI organization has zero data retention.
        safety_identifier: what to call the caller towards the provider; see ``additions.pseudonym``.
        session_cache_key: the ``prompt_cache_key`` of a call that has none; see ``additions.session_key``.

    ``store`` is false in whatever is forwarded, in ``warn`` mode too. ``model`` is not replaced here.
    """
    notes = Notes(settings)
    members: dict[str, Json | Absent] = {}
    with suppress(EnoughError):
        members = Walk(notes, settings).changed_members(body, REQUEST, None, ())
    if not notes.refused:
        choose_among_what_is_left(body, members, notes)
        additions = Additions(body, members, notes)
        additions.of_model(model, settings, attested=attested)
        additions.of_caller(safety_identifier, session_cache_key)
    return Verdict(tuple(notes.refused), tuple(notes.warned), tuple(notes.changes), members)
