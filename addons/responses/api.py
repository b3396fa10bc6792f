"""The Responses API as a value."""

from typing import Final

from addons.bodies.api import Api, Body
from addons.responses.additions import add
from addons.responses.answer import RESPONSE
from addons.responses.conversation import READER
from addons.responses.fields import REQUEST
from addons.responses.stream import EventStream


def _output_tokens(body: Body) -> int | None:
    asked = body.get("max_output_tokens")
    return asked if type(asked) is int else None


RESPONSES: Final = Api(
    name="responses",
    operation="chat",
    path="/responses",
    request=REQUEST,
    add=add,
    output_tokens=_output_tokens,
    answers=lambda _body: 1,
    answer=RESPONSE,
    reader=READER,
    stream=lambda _asked: EventStream(),
)
