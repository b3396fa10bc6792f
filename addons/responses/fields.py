"""The top-level fields of a request, and what becomes of each (docs/contract.md#fields).

Any field without a row is refused. What depends on the model or on the caller stands in ``additions.py``.
"""

from typing import Final

from addons.responses.includes import INCLUDE
from addons.responses.item_members import TEXT_FORMAT
from addons.responses.items import ITEM
from addons.responses.parts import CACHE_LIFETIME
from addons.responses.rows import (
    BOOLEAN,
    POSITIVE,
    STRING,
    Either,
    Leaf,
    Many,
    Members,
    Row,
    Typed,
    Values,
    allowed,
    configurable,
    number,
    refused,
    sourced,
    stripped,
    typed,
    whole,
)
from addons.responses.sources import (
    CODEX,
    KEPT_ENDPOINTS,
    NOT_SELECTED,
    PRICE,
    REQUEST_TYPE,
    RETENTION,
    STATELESS,
    WHO_CALLS,
    Source,
    ours,
)
from addons.responses.tools import TOOL, TOOL_CHOICE
from addons.responses.verdict import Json

METADATA_PAIRS: Final = 16
METADATA_KEY: Final = 64  # characters
METADATA_VALUE: Final = 512  # characters


def _is_metadata(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= METADATA_PAIRS
        and all(
            len(key) <= METADATA_KEY and isinstance(text, str) and len(text) <= METADATA_VALUE
            for key, text in value.items()
        )
    )


_METADATA: Final = Leaf(
    f"an object of at most {METADATA_PAIRS} strings,"
    f" keys up to {METADATA_KEY} and values up to {METADATA_VALUE} characters",
    _is_metadata,
)


_SEND_IT_ALL: Final = (
    "Tell the client store: false, so that it sends the whole conversation in input"
    " (README, Callers, says where each client takes it)"
)


def _stored(reason: str, remedy: str = _SEND_IT_ALL, source: Source = STATELESS) -> Row:
    return refused("ZERO_DATA_RETENTION", reason, remedy, source=source)


_REASONING_MODE: Final = Values(
    "reasoning.mode", "reasoning mode",
    sourced(REQUEST_TYPE, {
        "standard": allowed("the default"),
        "pro": configurable(
            "reasoning_pro", "COST", "many times the tokens of a standard call",
            remedy="Leave reasoning.mode out, or the operator may set policy.reasoning_pro: allow",
            source=PRICE,
        ),
    }),
)  # fmt: skip


def _tier(reason: str) -> Row:
    return configurable(
        "service_tiers", "COST", reason,
        remedy="Leave service_tier out, or the operator may list it in policy.service_tiers",
        source=PRICE,
    )  # fmt: skip


_SERVICE_TIER: Final = Values(
    "service_tier", "service tier",
    sourced(REQUEST_TYPE, {
        "auto": allowed("what the OpenAI project is set to"),
        "default": allowed("the standard price"),
        "flex": _tier("slower, at another price"),
        "scale": _tier("capacity bought in advance"),
        "priority": _tier("a higher price"),
        "fast": _tier("a higher price"),
        "ultrafast": _tier("a higher price"),
    }),
)  # fmt: skip

FIELDS: Final[dict[str, Row]] = sourced(REQUEST_TYPE, {
    # -- the question
    "model": Row(
        reason="replaced by the provider's name for it; one that keeps prompts for a day needs the operator's word",
        shape=STRING, rule="ZERO_DATA_RETENTION", source=RETENTION,
    ),
    "input": allowed("the conversation, each item judged", Either((STRING, Many(ITEM)))),
    "instructions": allowed("text", STRING),
    # -- how it is answered
    "text": allowed("form of the answer", Members({"format": TEXT_FORMAT, "verbosity": STRING})),
    "temperature": allowed("sampling", number(0, 2)),
    "top_p": allowed("sampling", number(0, 1)),
    "top_logprobs": allowed("numbers about the answer", whole(0, 20)),
    "truncation": allowed("what to do when the context is full", STRING),
    "max_output_tokens": Row(
        reason="held to what the model can give, capped, and given a default, by the model's row",
        shape=POSITIVE, rule="COST",
        source=ours("what is asked enters our own arithmetic, so that it is held to what the model can give"),
    ),
    "stream": allowed("how the answer is sent", BOOLEAN),
    "stream_options": allowed("how the answer is sent", Members({"include_obfuscation": BOOLEAN})),
    "image": allowed("how images are read", Members({"context_compression": STRING})),
    "reasoning": allowed(
        "how much the model thinks",
        Members({
            "effort": STRING, "summary": STRING, "generate_summary": STRING, "context": STRING, "mode": _REASONING_MODE,
        }),
    ),
    "context_management": allowed(
        "compaction hands its summary back sealed, to the caller's keeping",
        Many(Typed(
            "context_management", "context management type",
            sourced(REQUEST_TYPE, {"compaction": allowed("returned sealed", typed(compact_threshold=POSITIVE))}),
        )),
    ),
    # -- tools
    "tools": allowed("each tool judged", Many(TOOL), holds=""),
    "tool_choice": allowed("each tool named judged", TOOL_CHOICE),
    "parallel_tool_calls": allowed("how tools are called", BOOLEAN),
    "max_tool_calls": allowed("how often tools are called", POSITIVE),
    "include": allowed("each value judged", Many(INCLUDE)),
    # -- what the provider would keep
    "store": configurable(
        "store_true", "ZERO_DATA_RETENTION", "true keeps the response at the provider; always sent as false",
        BOOLEAN, harmless=(False,),
        remedy="Leave store out or send false, or the operator may set policy.store_true: coerce",
        source=RETENTION,
    ),
    "background": refused(
        "ZERO_DATA_RETENTION", "a background response is kept until it is fetched", "Leave it out, and stream instead",
        BOOLEAN, harmless=(False,), source=RETENTION,
    ),
    "background_options": _stored("belongs to background responses, which are kept", "Leave it out", RETENTION),
    "conversation": _stored("names a conversation stored at the provider", source=KEPT_ENDPOINTS),
    "previous_response_id": _stored("names a response stored at the provider", source=RETENTION),
    "prompt": _stored("names a prompt stored at the provider", "Leave it out and send the text in instructions"),
    "prompt_cache_retention": allowed(
        "how long the provider keeps prompts for reuse",
        Values(
            "prompt_cache_retention", "prompt cache retention",
            sourced(REQUEST_TYPE, {
                "in_memory": allowed("minutes, in memory only"),
                "24h": _stored(
                    "keeps the prompt at the provider for a day",
                    "Leave it out; in_memory is then added where the model takes it",
                    RETENTION,
                ),
            }),
        ),
    ),
    "prompt_cache_options": allowed(
        "how prompts are reused",
        Members({
            "mode": STRING, "prewarm": BOOLEAN, "ttl": CACHE_LIFETIME,
            "comparison_response_id": _stored("names a response stored at the provider", "Leave it out"),
        }),
    ),
    "prompt_cache_key": allowed("groups calls for reuse of prompts", STRING),
    # -- what the organisation did not select
    "service_tier": allowed("price and speed", _SERVICE_TIER),
    "moderation": refused(
        "FEATURE_DISABLED", "a second model would read the content; not among the selected features", "Leave it out",
        source=NOT_SELECTED,
    ),
    "access_programs": stripped(
        "FEATURE_DISABLED", "asks for a model's restricted abilities; some versions of Codex add it unasked",
        source=NOT_SELECTED,
    ),
    # -- what tells the provider who is calling
    "metadata": allowed("labels, echoed in the answer; not kept as nothing is stored", _METADATA),
    "user": stripped("PRIVACY", "names a person to the provider", source=WHO_CALLS),
    "safety_identifier": stripped(
        "PRIVACY", "names a person to the provider; see policy.safety_identifier", source=WHO_CALLS
    ),
    "client_metadata": stripped("PRIVACY", "names the client's installation; not a field of the API", source=CODEX),
})  # fmt: skip

REQUEST: Final = Members(FIELDS)
