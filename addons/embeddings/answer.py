"""What a record needs from a list of embeddings: the model, and what was used; never the numbers."""

from collections.abc import Mapping
from typing import Any, Final

from addons.bodies.abridgement import WantedMembers
from addons.bodies.answer_facts import AnswerFacts, has_unreadable_count, inside, text
from addons.bodies.completion_usage import usage_of
from addons.bodies.json_answer import Document

MEMBERS: Final[WantedMembers] = {"model": None, "usage": None, "error": {"code": None}}


def _facts(answer: Mapping[str, Any]) -> AnswerFacts:
    wrong = has_unreadable_count(answer.get("usage"))
    return AnswerFacts(
        model=text(answer.get("model")),
        usage=None if wrong else usage_of(answer.get("usage")),  # of a wrong report no count is believed
        error_code=text(inside(answer.get("error"), "code")),
        failed=answer.get("error") is not None,
        unread=wrong,
    )


LIST: Final = Document(MEMBERS, _facts)
