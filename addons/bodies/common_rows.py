"""Rows that stand in the tables of more than one API."""

from typing import Final

from addons.bodies.rows import BOOLEAN, Leaf, Row, Values, allowed, configurable, refused, sourced, stripped
from addons.bodies.sources import COMMON_TYPES, NOT_SELECTED, PRICE, RETENTION, WHO_CALLS
from addons.bodies.verdict import Json

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


METADATA: Final = Leaf(
    f"an object of at most {METADATA_PAIRS} strings,"
    f" keys up to {METADATA_KEY} and values up to {METADATA_VALUE} characters",
    _is_metadata,
)


def _tier(reason: str) -> Row:
    return configurable(
        "service_tiers", "COST", reason,
        remedy="Leave service_tier out, or the operator may list it in policy.service_tiers",
        source=PRICE,
    )  # fmt: skip


SERVICE_TIER: Final = Values(
    "service_tier", "service tier",
    sourced(COMMON_TYPES, {
        "auto": allowed("what the OpenAI project is set to"),
        "default": allowed("the standard price"),
        "flex": _tier("slower, at another price"),
        "scale": _tier("capacity bought in advance"),
        "priority": _tier("a higher price"),
        "fast": _tier("a higher price"),
        "ultrafast": _tier("a higher price"),
    }),
)  # fmt: skip

SERVICE_TIER_ROW: Final = allowed("price and speed", SERVICE_TIER, source=COMMON_TYPES)

STORE: Final = configurable(
    "store_true", "ZERO_DATA_RETENTION", "true keeps the response at the provider; always sent as false",
    BOOLEAN, harmless=(False,),
    remedy="Leave store out or send false, or the operator may set policy.store_true: coerce",
    source=RETENTION,
)  # fmt: skip
"""Of a true one the answer would be kept."""

CACHE_RETENTION: Final = allowed(
    "how long the provider keeps prompts for reuse",
    Values(
        "prompt_cache_retention", "prompt cache retention",
        sourced(COMMON_TYPES, {
            "in_memory": allowed("minutes, in memory only"),
            "24h": refused(
                "ZERO_DATA_RETENTION",
                "keeps the prompt at the provider for a day",
                "Leave it out; in_memory is then added where the model takes it",
                source=RETENTION,
            ),
        }),
    ),
)  # fmt: skip

MODERATION: Final = refused(
    "FEATURE_DISABLED", "a second model would read the content; not among the selected features", "Leave it out",
    source=NOT_SELECTED,
)  # fmt: skip

USER: Final = stripped("PRIVACY", "names a person to the provider", source=WHO_CALLS)
SAFETY_IDENTIFIER: Final = stripped(
    "PRIVACY", "names a person to the provider; see policy.safety_identifier", source=WHO_CALLS
)
