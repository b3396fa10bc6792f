"""What stands inside items: the form of an answer, and records of what was done."""

from typing import Final

from addons.bodies.content import RECORDED_URL
from addons.bodies.rows import (
    BOOLEAN,
    OPAQUE,
    SIGNED,
    STRING,
    STRINGS,
    Many,
    Members,
    Shape,
    Typed,
    allowed,
    sourced,
    typed,
)
from addons.bodies.sources import ITEM_TYPES

TEXT_FORMAT: Final = Typed(
    "text_format", "text format",
    sourced(ITEM_TYPES, {
        "text": allowed("plain text", typed()),
        "json_object": allowed("any JSON object", typed()),
        "json_schema": allowed(
            "JSON held to a schema", typed(name=STRING, description=STRING, schema=OPAQUE, strict=BOOLEAN)
        ),
    }),
)  # fmt: skip

_POINTS: Final = Many(Members({"x": SIGNED, "y": SIGNED}))
_CLICK: Final[dict[str, Shape]] = {"x": SIGNED, "y": SIGNED, "keys": STRINGS}
COMPUTER_ACTION: Final = Typed(
    "computer_action", "computer action",
    sourced(ITEM_TYPES, {
        "click": allowed("a record", typed(button=STRING, **_CLICK)),
        "double_click": allowed("a record", typed(**_CLICK)),
        "drag": allowed("a record", typed(path=_POINTS, keys=STRINGS)),
        "keypress": allowed("a record", typed(keys=STRINGS)),
        "move": allowed("a record", typed(**_CLICK)),
        "screenshot": allowed("a record", typed()),
        "scroll": allowed("a record", typed(scroll_x=SIGNED, scroll_y=SIGNED, **_CLICK)),
        "type": allowed("a record", typed(text=STRING)),
        "wait": allowed("a record", typed()),
    }),
)  # fmt: skip
SAFETY_CHECKS: Final = Many(Members({"id": STRING, "code": STRING, "message": STRING}))

SEARCH_ACTION: Final = Typed(
    "web_search_action", "web search action",
    sourced(ITEM_TYPES, {
        "search": allowed(
            "a record", typed(query=STRING, queries=STRINGS, sources=Many(typed(url=RECORDED_URL, name=STRING)))
        ),
        "open_page": allowed("a record", typed(url=RECORDED_URL)),
        "find_in_page": allowed("a record", typed(url=RECORDED_URL, pattern=STRING)),
    }),
)  # fmt: skip

PATCH: Final = Typed(
    "patch", "patch operation",
    sourced(ITEM_TYPES, {
        "create_file": allowed("a record", typed(path=STRING, diff=STRING)),
        "update_file": allowed("a record", typed(path=STRING, diff=STRING)),
        "delete_file": allowed("a record", typed(path=STRING)),
    }),
)  # fmt: skip

OUTCOME: Final = Typed(
    "shell_outcome", "shell outcome",
    sourced(ITEM_TYPES, {
        "exit": allowed("a record", typed(exit_code=SIGNED)), "timeout": allowed("a record", typed()),
    }),
)  # fmt: skip

SUMMARY: Final = Typed(
    "summary_part", "summary part type", sourced(ITEM_TYPES, {"summary_text": allowed("text", typed(text=STRING))})
)
THOUGHT: Final = Typed(
    "reasoning_part",
    "reasoning part type",
    sourced(ITEM_TYPES, {"reasoning_text": allowed("text", typed(text=STRING))}),
)
