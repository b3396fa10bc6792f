"""What a record needs from an answer of the chat completions API, whole or as a stream's chunks."""

import json
from collections.abc import Mapping
from typing import Any, Final

from addons.bodies.abridgement import WantedMembers
from addons.bodies.answer_facts import AnswerFacts, has_unreadable_count, inside, is_misread, text
from addons.bodies.completion_usage import usage_of
from addons.bodies.json_answer import Document

MEMBERS: Final[WantedMembers] = {
    "id": None,
    "model": None,
    "usage": None,
    "service_tier": None,
    "error": {"code": None},
}
"""What is read of a ``chat.completion``, and of a chunk of one."""


def _facts(completion: Mapping[str, Any]) -> AnswerFacts:
    wrong = has_unreadable_count(completion.get("usage"))
    return AnswerFacts(
        response_id=text(completion.get("id")),
        model=text(completion.get("model")),
        usage=None if wrong else usage_of(completion.get("usage")),  # of a wrong report no count is believed
        service_tier=text(completion.get("service_tier")),
        error_code=text(inside(completion.get("error"), "code")),
        failed=completion.get("error") is not None,
        unread=wrong or is_misread(completion.get("service_tier"), str),
    )


COMPLETION: Final = Document(MEMBERS, _facts)


def error_data(code: str, message: str) -> bytes:
    """The data of the event that ends a stream the provider did not end: an object with ``error`` alone.

    openai-python and openai-node raise on it, as on the error that the provider itself may send in a stream.
    """
    error = {"message": message, "type": "server_error", "param": None, "code": code}
    return json.dumps({"error": error}, separators=(",", ":")).encode()
