"""Content parts (docs/contract.md#items)."""

from typing import Final

from addons.bodies.content import CACHE_BREAKPOINT, FETCHED_URL, FILE_ID, INLINE_FILE, RECORDED_URL
from addons.bodies.rows import (
    COUNT,
    LARGEST,
    STRING,
    Either,
    Many,
    Members,
    Row,
    Shape,
    Typed,
    allowed,
    number,
    refused,
    sourced,
    stripped,
    typed,
    whole,
)
from addons.bodies.sources import ITEM_TYPES, KEPT_ENDPOINTS, PARSE_HELPER, PART_TYPES

_LOG_PROBABILITY: Final[dict[str, Row | Shape]] = {
    "token": STRING,
    "bytes": Many(whole(0, 255)),
    "logprob": number(-LARGEST, LARGEST),
}

_STORED_CITATION: Final = refused(
    "ZERO_DATA_RETENTION",
    "cites a file stored at the provider",
    "Take the annotation out of the history",
    source=KEPT_ENDPOINTS,
)

ANNOTATION: Final = Typed(
    "annotation", "annotation type",
    sourced(PART_TYPES, {
        "url_citation": allowed(
            "a record of what an earlier answer cited; the provider fetches nothing",
            typed(url=RECORDED_URL, title=STRING, start_index=COUNT, end_index=COUNT),
        ),
        "file_citation": _STORED_CITATION,
        "container_file_citation": _STORED_CITATION,
        "file_path": _STORED_CITATION,
    }),
)  # fmt: skip

PARSED: Final = stripped(
    "UNKNOWN", "put there by the client's parse helper; not a member of the API", source=PARSE_HELPER
)
"""What openai-node's ``responses.parse`` adds to the items it hands out, and sends back with them."""

_INPUT: Final[dict[str, Row]] = sourced(PART_TYPES, {
    "input_text": allowed("text", typed(text=STRING, prompt_cache_breakpoint=CACHE_BREAKPOINT)),
    "input_image": allowed(
        "an image in the body",
        typed(image_url=FETCHED_URL, file_id=FILE_ID, detail=STRING, prompt_cache_breakpoint=CACHE_BREAKPOINT),
    ),
    "input_file": allowed(
        "a file in the body",
        typed(
            file_data=INLINE_FILE, file_url=FETCHED_URL, file_id=FILE_ID, filename=STRING, detail=STRING,
            prompt_cache_breakpoint=CACHE_BREAKPOINT,
        ),
    ),
})  # fmt: skip

_OUTPUT: Final[dict[str, Row]] = sourced(
    PART_TYPES,
    {
        "output_text": allowed(
            "text of an earlier answer",
            typed(
                text=STRING,
                parsed=PARSED,
                annotations=Many(ANNOTATION),
                logprobs=Many(Members({**_LOG_PROBABILITY, "top_logprobs": Many(Members(_LOG_PROBABILITY))})),
            ),
        ),
        "refusal": allowed("text of an earlier answer", typed(refusal=STRING)),
    },
)

MESSAGE_CONTENT: Final = Either((STRING, Many(Typed("part", "content part type", {**_INPUT, **_OUTPUT}))))
TOOL_OUTPUT: Final = Either((STRING, Many(Typed("part", "content part type", _INPUT))))
"""What a tool of the caller returned: text, or parts."""

SCREENSHOT: Final = Typed(
    "screenshot", "screenshot type",
    sourced(ITEM_TYPES, {
        "computer_screenshot": allowed("an image in the body", typed(image_url=FETCHED_URL, file_id=FILE_ID)),
    }),
)  # fmt: skip
