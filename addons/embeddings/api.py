"""The embeddings API as a value: it keeps nothing, has no streams, and its answers are no tokens."""

from typing import Final

from addons.bodies.api import Api
from addons.embeddings.answer import LIST
from addons.embeddings.conversation import READER
from addons.embeddings.fields import REQUEST, inputs_of, tokens_of

EMBEDDINGS: Final = Api(
    name="embeddings",
    operation="embeddings",
    path="/embeddings",
    request=REQUEST,
    add=lambda _to: None,
    output_tokens=lambda _body: 0,
    answers=lambda body: inputs_of(body.get("input")),
    answer=LIST,
    reader=READER,
    input_tokens=lambda body: tokens_of(body.get("input")),
)
