"""A request for embeddings, or its answer, as a person reads it: what was asked about, and how much came back."""

from collections.abc import Mapping
from typing import Final

from addons.bodies.conversation import Conversation, ConversationReader, member, rest
from addons.bodies.verdict import Json
from addons.embeddings.answer import LIST

_NUMBER: Final = 4  # bytes of one number, of those that come as base64


def _request(document: Mapping[str, Json]) -> Conversation:
    return Conversation(values=rest(document, ("input",)), texts={"input": _input(document.get("input"))})


def _input(given: Json) -> Json:
    """Texts as they are; of tokens, which no person reads, how many."""
    if not isinstance(given, list):
        return given
    if given and type(given[0]) is int:
        return [_tokens(given)]
    return [_tokens(each) if isinstance(each, list) else each for each in given]


def _tokens(tokens: list[Json]) -> str:
    return f"[{len(tokens):,} tokens]"


def _answer(answer: Mapping[str, Json]) -> Conversation:
    values = {"model": answer.get("model"), "embeddings": _embeddings(answer.get("data"))}
    return Conversation(
        values={name: value for name, value in values.items() if value is not None},
        usage=LIST.facts_from(answer).usage,
        texts={"error": error} if (error := answer.get("error")) else {},
    )


def _embeddings(data: Json) -> str | None:
    if not isinstance(data, list):
        return None
    lengths = {_length(member(each, "embedding")) for each in data}
    return f"{len(data):,}, of {' or '.join(f'{length:,}' for length in sorted(lengths))} numbers" if data else "none"


def _length(embedding: Json) -> int:
    if isinstance(embedding, str):
        return len(embedding.rstrip("=")) * 3 // 4 // _NUMBER
    return len(embedding) if isinstance(embedding, list) else 0


READER: Final = ConversationReader(request=_request, answer=_answer)
