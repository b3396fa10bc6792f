"""The top-level fields of a chat completion's request, and what becomes of each (docs/contract.md#fields).

Any field without a row is refused. What depends on the model or on the caller stands in ``additions.py``.
"""

from typing import Final

from addons.bodies.common_rows import (
    CACHE_RETENTION,
    MODERATION,
    SAFETY_IDENTIFIER,
    SERVICE_TIER_ROW,
    STORE,
    USER,
)
from addons.bodies.content import CACHE_LIFETIME
from addons.bodies.rows import (
    BOOLEAN,
    OPAQUE,
    POSITIVE,
    SIGNED,
    STRING,
    Either,
    Leaf,
    Many,
    Members,
    Row,
    Typed,
    Values,
    allowed,
    number,
    refused,
    sourced,
    stripped,
    typed,
    whole,
)
from addons.bodies.sources import CHAT_TYPE, LABELS_NEED_STORE, RETENTION, WEB_SEARCH, ours
from addons.bodies.verdict import Json
from addons.chat_completions.messages import CONTENT, KEPT_AUDIO, MESSAGE
from addons.chat_completions.tools import FUNCTION, FUNCTION_CALL, TOOL, TOOL_CHOICE

MOST_CHOICES: Final = 128
"""The most that ``n`` may ask for, as OpenAI documents it."""

MOST_STOPS: Final = 4
BIAS: Final = 100


def _is_bias(value: Json) -> bool:
    return isinstance(value, dict) and all(
        type(bias) in {int, float} and -BIAS <= bias <= BIAS for bias in value.values()
    )


def _are_stops(value: Json) -> bool:
    return isinstance(value, list) and len(value) <= MOST_STOPS and all(isinstance(text, str) for text in value)


_FORMAT: Final = Typed(
    "response_format", "response format",
    sourced(CHAT_TYPE, {
        "text": allowed("plain text", typed()),
        "json_object": allowed("any JSON object", typed()),
        "json_schema": allowed(
            "JSON held to a schema",
            typed(json_schema=Members({"name": STRING, "description": STRING, "schema": OPAQUE, "strict": BOOLEAN})),
        ),
    }),
)  # fmt: skip

_MODALITY: Final = Values(
    "modality", "modality", sourced(CHAT_TYPE, {"text": allowed("text"), "audio": KEPT_AUDIO})
)  # fmt: skip

_OUTPUT_LIMIT: Final = Row(
    reason="held to what the model can give, capped, and given a default, by the model's row",
    shape=POSITIVE, rule="COST",
    source=ours("what is asked enters our own arithmetic, so that it is held to what the model can give"),
)  # fmt: skip

FIELDS: Final[dict[str, Row]] = sourced(CHAT_TYPE, {
    # -- the question
    "model": Row(
        reason="replaced by the provider's name for it; one that keeps prompts for a day needs the operator's word",
        shape=STRING, rule="ZERO_DATA_RETENTION", source=RETENTION,
    ),
    "messages": allowed("the conversation, each message judged", Many(MESSAGE)),
    "prediction": allowed(
        "text that the answer may repeat, in the body itself",
        Typed(
            "prediction", "prediction type", sourced(CHAT_TYPE, {"content": allowed("text", typed(content=CONTENT))})
        ),
    ),
    # -- how it is answered
    "response_format": allowed("form of the answer", _FORMAT),
    "modalities": allowed("text; spoken answers are kept", Many(_MODALITY)),
    "audio": KEPT_AUDIO,
    "reasoning_effort": allowed("how much the model thinks", STRING),
    "verbosity": allowed("how long the answer is", STRING),
    "temperature": allowed("sampling", number(0, 2)),
    "top_p": allowed("sampling", number(0, 1)),
    "frequency_penalty": allowed("sampling", number(-2, 2)),
    "presence_penalty": allowed("sampling", number(-2, 2)),
    "logit_bias": allowed("sampling", Leaf(f"an object of numbers from -{BIAS} to {BIAS}", _is_bias)),
    "seed": allowed("sampling", SIGNED),
    "stop": allowed(
        "where the answer ends", Either((STRING, Leaf(f"a list of at most {MOST_STOPS} strings", _are_stops)))
    ),
    "logprobs": allowed("numbers about the answer", BOOLEAN),
    "top_logprobs": allowed("numbers about the answer", whole(0, 20)),
    "n": allowed("how many answers; the estimate of a call counts each", whole(1, MOST_CHOICES)),
    "max_completion_tokens": _OUTPUT_LIMIT,
    "max_tokens": _OUTPUT_LIMIT,
    "stream": allowed("how the answer is sent", BOOLEAN),
    "stream_options": allowed(
        "how the answer is sent; include_usage always leaves as true, so that usage is known",
        Members({"include_obfuscation": BOOLEAN, "include_usage": BOOLEAN}),
    ),
    # -- tools
    "tools": allowed("each tool judged", Many(TOOL)),
    "tool_choice": allowed("each tool named judged", TOOL_CHOICE),
    "parallel_tool_calls": allowed("how tools are called", BOOLEAN),
    "functions": allowed("the caller runs them; tools by their older name", Many(FUNCTION)),
    "function_call": allowed("a choice among functions", FUNCTION_CALL),
    "web_search_options": refused(
        "GEORESTRICTION", "queries would leave for the open web, and this API has no cache-only mode",
        "Leave it out, or use the Responses API's tool web_search, which the operator may allow by policy.web_search",
        source=WEB_SEARCH,
    ),
    # -- what the provider would keep
    "store": STORE,
    "prompt_cache_retention": CACHE_RETENTION,
    "prompt_cache_options": allowed("how prompts are reused", Members({"mode": STRING, "ttl": CACHE_LIFETIME})),
    "prompt_cache_key": allowed("groups calls for reuse of prompts", STRING),
    # -- what the organisation did not select
    "service_tier": SERVICE_TIER_ROW,
    "moderation": MODERATION,
    # -- what tells the provider who is calling
    "metadata": stripped(
        "ZERO_DATA_RETENTION", "labels of kept answers; without store the provider refuses them",
        source=LABELS_NEED_STORE,
    ),
    "user": USER,
    "safety_identifier": SAFETY_IDENTIFIER,
})  # fmt: skip

REQUEST: Final = Members(FIELDS)
