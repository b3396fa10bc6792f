"""The whole policy, on one body of one API (docs/contract.md#fields)."""

from contextlib import suppress

from addons.bodies.additions import Additions
from addons.bodies.api import Api
from addons.bodies.choices import Choices
from addons.bodies.compiled_tables import CompiledTables
from addons.bodies.notes import MOST, EnoughError, Notes
from addons.bodies.verdict import Absent, Json, Verdict
from addons.bodies.walk import Walk
from addons.foundry.models import Model


class BodyPolicy:
    """The policy for one API under one set of choices, ready for many bodies."""

    def __init__(self, api: Api, choices: Choices) -> None:
        self._api = api
        self._choices = choices
        self._tables = CompiledTables(choices)
        self._clean = {name: self._tables.clean(row, name) for name, row in api.request.rows.items()}

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
        notes = Notes(self._choices, most)
        members: dict[str, Json | Absent] = {}
        unclean = {
            name: value for name, value in body.items() if (clean := self._clean.get(name)) is None or not clean(value)
        }
        with suppress(EnoughError):
            members = Walk(notes, self._choices, self._tables).changed_members(unclean, self._api.request, None, ())
            if not notes.refused:
                additions = Additions(
                    body, members, notes, self._choices, model, attested, safety_identifier, session_cache_key
                )
                self._api.add(additions)
        return Verdict(tuple(notes.refused), tuple(notes.warned), tuple(notes.changes), members)
