"""Messages and their content parts (docs/contract.md#items): the conversation, given in full."""

from typing import Final

from addons.bodies.content import CACHE_BREAKPOINT, FETCHED_URL, FILE_ID, INLINE_FILE, RECORDED_URL
from addons.bodies.rows import (
    COUNT,
    STRING,
    Either,
    Many,
    Members,
    Row,
    Shape,
    Typed,
    allowed,
    refused,
    sourced,
    stripped,
    typed,
)
from addons.bodies.sources import CHAT_PARSE_HELPER, CHAT_RETENTION, CHAT_STREAM_HELPER, COOKBOOK, MESSAGE_TYPES

KEPT_AUDIO: Final = refused(
    "ZERO_DATA_RETENTION",
    "audio that the model spoke is kept at the provider for an hour, so that a later call can name it",
    "Leave it out, and send what was said as text",
    source=CHAT_RETENTION,
)

_PARTS: Final[dict[str, Row]] = sourced(MESSAGE_TYPES, {
    "text": allowed("text", typed(text=STRING, prompt_cache_breakpoint=CACHE_BREAKPOINT)),
    "refusal": allowed("text of an earlier answer", typed(refusal=STRING)),
    "image_url": allowed(
        "an image in the body",
        typed(
            image_url=Members({"url": FETCHED_URL, "detail": STRING}), prompt_cache_breakpoint=CACHE_BREAKPOINT,
        ),
    ),
    "input_audio": allowed(
        "audio in the body",
        typed(
            input_audio=Members({"data": INLINE_FILE, "format": STRING}), prompt_cache_breakpoint=CACHE_BREAKPOINT,
        ),
    ),
    "file": allowed(
        "a file in the body",
        typed(
            file=Members({"file_data": INLINE_FILE, "file_id": FILE_ID, "filename": STRING}),
            prompt_cache_breakpoint=CACHE_BREAKPOINT,
        ),
    ),
})  # fmt: skip

CONTENT: Final = Either((STRING, Many(Typed("part", "content part type", _PARTS))))

_PARSED: Final = stripped(
    "UNKNOWN", "put there by the client's parse helper; not a member of the API", source=CHAT_PARSE_HELPER
)

_INDEX: Final = stripped(
    "UNKNOWN", "the place of its pieces in a stream, which clients leave there; not a member of the API",
    source=CHAT_STREAM_HELPER,
)  # fmt: skip

TOOL_CALL: Final = Typed(
    "tool_call", "tool call type",
    sourced(MESSAGE_TYPES, {
        "function": allowed(
            "the caller ran it",
            typed(
                id=STRING, index=_INDEX,
                function=Members({"name": STRING, "arguments": STRING, "parsed_arguments": _PARSED}),
            ),
        ),
        "custom": allowed(
            "the caller ran it",
            typed(id=STRING, index=_INDEX, custom=Members({"name": STRING, "input": STRING})),
        ),
    }),
)  # fmt: skip

_ANNOTATION: Final = Typed(
    "annotation", "annotation type",
    sourced(MESSAGE_TYPES, {
        "url_citation": allowed(
            "a record of what an earlier answer cited; the provider fetches nothing",
            typed(url_citation=Members({
                "url": RECORDED_URL, "title": STRING, "start_index": COUNT, "end_index": COUNT,
            })),
        ),
    }),
)  # fmt: skip


def _role(reason: str, **members: Row | Shape) -> Row:
    return allowed(reason, Members({"role": STRING, "content": CONTENT, "name": STRING, **members}))


MESSAGES: Final[dict[str, Row]] = sourced(MESSAGE_TYPES, {
    "developer": _role("what the app tells the model"),
    "system": _role("what the app tells the model"),
    "user": _role("what was asked"),
    "assistant": _role(
        "an earlier answer, in full",
        refusal=STRING, tool_calls=Many(TOOL_CALL), function_call=Members({"name": STRING, "arguments": STRING}),
        annotations=Many(_ANNOTATION), audio=KEPT_AUDIO, parsed=_PARSED,
    ),
    "tool": _role(
        "what the caller's tool returned", tool_call_id=STRING, name=allowed("text", STRING, source=COOKBOOK)
    ),
    "function": _role("what the caller's function returned"),
})  # fmt: skip

MESSAGE: Final = Typed("message", "message role", MESSAGES, by="role")
