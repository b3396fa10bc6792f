"""The top-level fields of a request, and what becomes of each (docs/contract.md#fields).

Any field without a row is refused. What depends on the model or on the caller stands in ``additions.py``.
"""

from typing import Final

from addons.bodies.common_rows import (
    CACHE_RETENTION,
    METADATA,
    MODERATION,
    SAFETY_IDENTIFIER,
    SERVICE_TIER_ROW,
    STORE,
    USER,
)
from addons.bodies.content import CACHE_LIFETIME
from addons.bodies.rows import (
    BOOLEAN,
    POSITIVE,
    STRING,
    Either,
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
from addons.bodies.sources import (
    CODEX,
    KEPT_ENDPOINTS,
    NOT_SELECTED,
    PRICE,
    REQUEST_TYPE,
    RETENTION,
    STATELESS,
    Source,
    ours,
)
from addons.responses.includes import INCLUDE
from addons.responses.item_members import TEXT_FORMAT
from addons.responses.items import ITEM
from addons.responses.tools import TOOL, TOOL_CHOICE

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
    "store": STORE,
    "background": refused(
        "ZERO_DATA_RETENTION", "a background response is kept until it is fetched", "Leave it out, and stream instead",
        BOOLEAN, harmless=(False,), source=RETENTION,
    ),
    "background_options": _stored("belongs to background responses, which are kept", "Leave it out", RETENTION),
    "conversation": _stored("names a conversation stored at the provider", source=KEPT_ENDPOINTS),
    "previous_response_id": _stored("names a response stored at the provider", source=RETENTION),
    "prompt": _stored("names a prompt stored at the provider", "Leave it out and send the text in instructions"),
    "prompt_cache_retention": CACHE_RETENTION,
    "prompt_cache_options": allowed(
        "how prompts are reused",
        Members({
            "mode": STRING, "prewarm": BOOLEAN, "ttl": CACHE_LIFETIME,
            "comparison_response_id": _stored("names a response stored at the provider", "Leave it out"),
        }),
    ),
    "prompt_cache_key": allowed("groups calls for reuse of prompts", STRING),
    # -- what the organisation did not select
    "service_tier": SERVICE_TIER_ROW,
    "moderation": MODERATION,
    "access_programs": stripped(
        "FEATURE_DISABLED", "asks for a model's restricted abilities; some versions of Codex add it unasked",
        source=NOT_SELECTED,
    ),
    # -- what tells the provider who is calling
    "metadata": allowed("labels, echoed in the answer; not kept as nothing is stored", METADATA),
    "user": USER,
    "safety_identifier": SAFETY_IDENTIFIER,
    "client_metadata": stripped("PRIVACY", "names the client's installation; not a field of the API", source=CODEX),
})  # fmt: skip

REQUEST: Final = Members(FIELDS)
