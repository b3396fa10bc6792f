"""The fields of a request for embeddings, and what becomes of each (docs/contract.md#fields).

Any field without a row is refused.
"""

from typing import Final

from addons.bodies.common_rows import USER
from addons.bodies.rows import STRING, Leaf, Members, Row, Values, allowed, sourced, whole
from addons.bodies.sources import EMBEDDING_TYPE
from addons.bodies.verdict import Json

MOST_INPUTS: Final = 2_048
MOST_TOKENS: Final = 8_192
"""Of one input that is given as tokens; a text may have as many."""

LARGEST_TOKEN: Final = 2**31 - 1
MOST_DIMENSIONS: Final = 3_072
"""Those of the largest model, text-embedding-3-large."""


def _is_tokens(value: Json) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MOST_TOKENS
        and all(type(token) is int and 0 <= token <= LARGEST_TOKEN for token in value)
    )


def _is_input(value: Json) -> bool:
    if isinstance(value, str) or _is_tokens(value):
        return True
    return (
        isinstance(value, list)
        and 0 < len(value) <= MOST_INPUTS
        and (all(isinstance(text, str) for text in value) or all(map(_is_tokens, value)))
    )


def inputs_of(value: Json) -> int:
    """How many inputs a request has."""
    return len(value) if isinstance(value, list) and value and not isinstance(value[0], int) else 1


def tokens_of(value: Json) -> int | None:
    """How many tokens a request gives; None where it gives texts."""
    if _is_tokens(value):
        return len(value)
    if isinstance(value, list) and value and isinstance(value[0], list):
        return sum(len(each) for each in value if isinstance(each, list))
    return None


_INPUT: Final = Leaf(
    f"a text, at most {MOST_TOKENS} tokens, or a list of at most {MOST_INPUTS} texts or of as many lists of tokens",
    _is_input,
)

FIELDS: Final[dict[str, Row]] = sourced(EMBEDDING_TYPE, {
    "model": allowed("replaced by the provider's name for it", STRING),
    "input": allowed("what is asked about; nothing of it is kept", _INPUT),
    "dimensions": allowed("how long each answer is", whole(1, MOST_DIMENSIONS)),
    "encoding_format": allowed(
        "how the numbers are written",
        Values(
            "encoding_format", "encoding format",
            sourced(EMBEDDING_TYPE, {"float": allowed("as numbers"), "base64": allowed("as their bytes")}),
        ),
    ),
    "user": USER,
})  # fmt: skip

REQUEST: Final = Members(FIELDS)
