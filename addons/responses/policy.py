"""The whole policy, on one body (docs/contract.md#fields)."""

from contextlib import suppress

from addons.foundry.models import Model
from addons.responses.additions import Additions
from addons.responses.clean import Tables
from addons.responses.fields import FIELDS, REQUEST
from addons.responses.leftovers import choose_among_what_is_left
from addons.responses.notes import MOST, EnoughError, Notes
from addons.responses.policy_settings import PolicySettings
from addons.responses.verdict import Absent, Json, Verdict
from addons.responses.walk import Walk


class Policy:
    """The policy under one set of settings, ready for many bodies."""

    def __init__(self, settings: PolicySettings) -> None:
        self._settings = settings
        self._tables = Tables(settings)
        self._clean = {name: self._tables.clean(row, name) for name, row in FIELDS.items()}

    def judge(  # noqa: PLR0913 - all that one verdict rests on
        self,
        body: dict[str, Json],
        model: Model,
        *,
        attested: bool = False,
        safety_identifier: str | None = None,
        session_cache_key: str | None = None,
        most: int = MOST,
    ) -> Verdict:
        """Judges one request body by the tables, and says what is to change in it.

        Args:
            body: the JSON object as ``splice.read`` gives it, which bounds how deep it nests. It is not modified.
            model: the row of the model the body asks for.
            attested: whether the operator states that the OpenAI organization has zero data retention.
            safety_identifier: what to call the caller towards the provider; see ``additions.pseudonym``.
            session_cache_key: the ``prompt_cache_key`` of a call that has none; see ``additions.session_key``.
            most: refused things after which judging ends; 1 where only the first is told.

        ``store`` is false in whatever is forwarded, in ``warn`` mode too. ``model`` is not replaced here.
        """
        notes = Notes(self._settings, most)
        members: dict[str, Json | Absent] = {}
        unclean = {
            name: value for name, value in body.items() if (clean := self._clean.get(name)) is None or not clean(value)
        }
        with suppress(EnoughError):
            members = Walk(notes, self._settings, self._tables).changed_members(unclean, REQUEST, None, ())
            if not notes.refused:
                choose_among_what_is_left(body, members, notes)
                additions = Additions(body, members, notes)
                additions.of_model(model, self._settings, attested=attested)
                additions.of_caller(safety_identifier, session_cache_key)
        return Verdict(tuple(notes.refused), tuple(notes.warned), tuple(notes.changes), members)


def judge(  # noqa: PLR0913 - as above
    body: dict[str, Json],
    model: Model,
    settings: PolicySettings,
    *,
    attested: bool = False,
    safety_identifier: str | None = None,
    session_cache_key: str | None = None,
) -> Verdict:
    """``Policy.judge`` for one body alone; who judges many keeps a Policy."""
    return Policy(settings).judge(
        body,
        model,
        attested=attested,
        safety_identifier=safety_identifier,
        session_cache_key=session_cache_key,
    )
