"""One API of the provider's as a value: whatever differs between two of them stands in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from addons.bodies.additions import Additions
from addons.bodies.answer_stream import AnswerStream
from addons.bodies.conversation import ConversationReader
from addons.bodies.json_answer import Document
from addons.bodies.rows import Members
from addons.bodies.verdict import Json

type Body = Mapping[str, Json]


@dataclass(frozen=True, slots=True, eq=False)
class Api:
    """
    Args:
        name: in records, in a model's row and on the policy's page.
        operation: OpenTelemetry's word for what a call of it does.
        path: behind the base URL, Foundry's as well as the provider's.
        request: its table: what may stand in a body.
        add: puts into a body that nothing is refused of what must be in it and is not.
        output_tokens: how many one answer may take, as a body that was judged has it; None: it does not say.
        answers: how many the model gives to one body.
        answer: its answer in one piece.
        reader: brings its bodies into the form in which a person reads all APIs' bodies.
        stream: its answer as a stream, to what an app asked in this body; None: it has none.
        input_tokens: how many a body has, where they stand in it by their numbers; None: it holds texts.
    """

    name: str
    operation: str
    path: str
    request: Members
    add: Callable[[Additions], None]
    output_tokens: Callable[[Body], int | None]
    answers: Callable[[Body], int]
    answer: Document
    reader: ConversationReader
    stream: Callable[[Body], AnswerStream] | None = None
    input_tokens: Callable[[Body], int | None] = lambda _body: None
