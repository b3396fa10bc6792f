"""The chat completions API as a value."""

from typing import Final

from addons.bodies.answer_stream import AnswerStream
from addons.bodies.api import Api, Body
from addons.chat_completions.additions import CAPS, add
from addons.chat_completions.answer import COMPLETION
from addons.chat_completions.conversation import READER
from addons.chat_completions.fields import REQUEST
from addons.chat_completions.stream import ChunkStream


def _output_tokens(body: Body) -> int | None:
    return next((asked for name in CAPS if type(asked := body.get(name)) is int), None)


def _answers(body: Body) -> int:
    asked = body.get("n")
    return asked if type(asked) is int else 1


def _stream(asked: Body) -> AnswerStream:
    options = asked.get("stream_options")
    return ChunkStream(shows_usage=isinstance(options, dict) and options.get("include_usage") is True)


CHAT_COMPLETIONS: Final = Api(
    name="chat_completions",
    operation="chat",
    path="/chat/completions",
    request=REQUEST,
    add=add,
    output_tokens=_output_tokens,
    answers=_answers,
    answer=COMPLETION,
    reader=READER,
    stream=_stream,
)
