"""Tools (docs/contract.md#tools): all that this API knows are run by the caller; any other is refused as unknown."""

from typing import Final

from addons.bodies.rows import (
    BOOLEAN,
    OPAQUE,
    STRING,
    Either,
    Many,
    Members,
    Row,
    Shape,
    Typed,
    Values,
    allowed,
    sourced,
    typed,
)
from addons.bodies.sources import CHAT_TYPE

_FORMAT: Final = Typed(
    "custom_format", "custom tool format",
    sourced(CHAT_TYPE, {
        "text": allowed("free text", typed()),
        "grammar": allowed(
            "text held to a grammar", typed(grammar=Members({"definition": STRING, "syntax": STRING}))
        ),
    }),
)  # fmt: skip

_FUNCTION: Final[dict[str, Row | Shape]] = {"name": STRING, "description": STRING, "parameters": OPAQUE}

TOOLS: Final[dict[str, Row]] = sourced(CHAT_TYPE, {
    "function": allowed("the caller runs it", typed(function=Members({**_FUNCTION, "strict": BOOLEAN}))),
    "custom": allowed(
        "the caller runs it", typed(custom=Members({"name": STRING, "description": STRING, "format": _FORMAT}))
    ),
})  # fmt: skip

TOOL: Final = Typed("tool", "tool type", TOOLS)

TOOL_CHOICE: Final[Shape] = Either((
    Values(
        "tool_choice", "tool choice",
        sourced(CHAT_TYPE, {name: allowed("names no tool") for name in ("none", "auto", "required")}),
    ),
    Typed(
        "tool", "tool type",
        {
            **TOOLS,
            "allowed_tools": allowed(
                "names tools, each of them judged",
                typed(allowed_tools=Members({"mode": STRING, "tools": Many(TOOL)})),
                source=CHAT_TYPE,
            ),
        },
    ),
))  # fmt: skip

FUNCTION: Final = Members(_FUNCTION)
"""What is called a tool now, as it was written before."""

FUNCTION_CALL: Final[Shape] = Either((
    Values(
        "function_call", "function call",
        sourced(CHAT_TYPE, {name: allowed("names no function") for name in ("none", "auto")}),
    ),
    Members({"name": STRING}),
))  # fmt: skip
