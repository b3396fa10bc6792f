"""Input items: the conversation, given in full (docs/contract.md#items).

An item that is only named by its id would be read from stored state, so each row says by ``needs`` which members
must be there. The history of a tool is decided as the tool is.
"""

from collections.abc import Mapping
from typing import Final

from addons.bodies.content import INLINE_FILE
from addons.bodies.rows import (
    BOOLEAN,
    COUNT,
    OPAQUE,
    SEAL,
    STRING,
    STRING_MAP,
    STRINGS,
    Many,
    Members,
    Row,
    Shape,
    Typed,
    allowed,
    configurable,
    refused,
    sourced,
    typed,
)
from addons.bodies.sources import ITEM_TYPES, NOT_SELECTED, STATELESS, WEB_SEARCH
from addons.bodies.verdict import Json
from addons.responses.item_members import (
    COMPUTER_ACTION,
    OUTCOME,
    PATCH,
    SAFETY_CHECKS,
    SEARCH_ACTION,
    SUMMARY,
    TEXT_FORMAT,
    THOUGHT,
)
from addons.responses.parts import MESSAGE_CONTENT, PARSED, SCREENSHOT, TOOL_OUTPUT
from addons.responses.tools import CALLER, ENVIRONMENT, EXECUTION, TOOL, TOOLS


def _item(
    reason: str,
    needs: tuple[str, ...] = (),
    *,
    setting: str | None = None,
    assumed: Mapping[str, Json] | None = None,
    holds: str | None = None,
    **members: Row | Shape,
) -> Row:
    shape = typed(id=STRING, status=STRING, **members)
    if setting:
        return configurable(setting, "FEATURE_DISABLED", reason, shape, needs=needs, source=NOT_SELECTED)
    return allowed(reason, shape, needs=needs, assumed=assumed, holds=holds)


def _history(tool: str) -> Row:
    return refused(
        TOOLS[tool].rule or "UNKNOWN",
        f"history of {tool}, which is refused: {TOOLS[tool].reason}",
        "Take the item out of the history",
        source=TOOLS[tool].source,
    )


ITEMS: Final[dict[str, Row]] = sourced(ITEM_TYPES, {
    "message": _item(
        "what was said, in full", ("content",),
        content=MESSAGE_CONTENT, role=STRING, phase=STRING,
    ),
    "item_reference": refused(
        "ZERO_DATA_RETENTION", "names an item stored at the provider",
        "Send the item itself instead of its id; clients do so that are told store: false"
        " (Vercel AI SDK: providerOptions.openai.store; README, Callers, has more)",
        source=STATELESS,
    ),
    # -- what the model wants done, and what the caller's tools answered
    "function_call": _item(
        "the caller ran it", ("arguments",),
        call_id=STRING, name=STRING, namespace=STRING, arguments=STRING, parsed_arguments=PARSED, caller=CALLER,
        async_=BOOLEAN,
    ),
    "function_call_output": _item(
        "what the caller's tool returned", ("output",),
        call_id=STRING, name=STRING, namespace=STRING, output=TOOL_OUTPUT, caller=CALLER, created_by=STRING,
    ),
    "custom_tool_call": _item(
        "the caller ran it", ("input",),
        call_id=STRING, name=STRING, namespace=STRING, input=STRING, caller=CALLER, async_=BOOLEAN,
    ),
    "custom_tool_call_output": _item(
        "what the caller's tool returned", ("output",),
        call_id=STRING, name=STRING, output=TOOL_OUTPUT, caller=CALLER, created_by=STRING,
    ),
    "local_shell_call": _item(
        "the caller ran it", ("action",),
        call_id=STRING,
        action=Members({
            "type": STRING, "command": STRINGS, "env": STRING_MAP, "timeout_ms": COUNT,
            "user": STRING, "working_directory": STRING,
        }),
    ),
    "local_shell_call_output": _item(
        "what the caller's shell returned", ("output",),
        call_id=STRING, output=STRING,
    ),
    "shell_call": _item(
        "the caller ran it; what a container ran is refused", ("action",),
        call_id=STRING, environment=ENVIRONMENT, caller=CALLER, created_by=STRING,
        action=Members({"commands": STRINGS, "max_output_length": COUNT, "timeout_ms": COUNT}),
    ),
    "shell_call_output": _item(
        "what the caller's shell returned", ("output",),
        call_id=STRING, max_output_length=COUNT, caller=CALLER, created_by=STRING,
        output=Many(Members({"stdout": STRING, "stderr": STRING, "outcome": OUTCOME, "created_by": STRING})),
    ),
    "apply_patch_call": _item(
        "the caller applied it", ("operation",),
        call_id=STRING, operation=PATCH, caller=CALLER, created_by=STRING,
    ),
    "apply_patch_call_output": _item(
        "what the caller's patch did", ("status",),
        call_id=STRING, output=STRING, caller=CALLER, created_by=STRING,
    ),
    # -- tools by the back doors: judged by the same table
    "additional_tools": _item("tools, each of them judged", ("tools",), holds="tools", role=STRING, tools=Many(TOOL)),
    "tool_search_call": _item(
        "the client searched among its tools; unless it says so, the server is assumed", ("arguments",),
        assumed={"execution": "server"},
        call_id=STRING, execution=EXECUTION, arguments=OPAQUE, created_by=STRING,
    ),
    "tool_search_output": _item(
        "tools, each of them judged; unless it says that the client searched, the server is assumed", ("tools",),
        assumed={"execution": "server"},
        call_id=STRING, execution=EXECUTION, tools=Many(TOOL), created_by=STRING,
    ),
    # -- the model's own state, sealed and carried by the caller
    "reasoning": _item(
        "sealed reasoning in the caller's keeping; without encrypted_content it would be looked up by its id",
        ("encrypted_content",),
        encrypted_content=SEAL, summary=Many(SUMMARY), content=Many(THOUGHT),
    ),
    "compaction": _item(
        "a sealed summary in the caller's keeping", ("encrypted_content",), encrypted_content=SEAL, created_by=STRING
    ),
    "compaction_trigger": _item("asks for such a summary, as context_management does"),
    "configuration_update": _item(
        "changes fields that are allowed", ("reasoning", "text"),
        reasoning=Members({"effort": STRING}), text=Members({"format": TEXT_FORMAT}),
    ),
    # -- configurable with their tool
    "web_search_call": configurable(
        "web_search", "GEORESTRICTION", "history of web_search, which is refused",
        typed(id=STRING, status=STRING, action=SEARCH_ACTION),
        remedy="Take the item out of the history, or the operator may set policy.web_search: cache_only",
        needs=("action", "status"),
        source=WEB_SEARCH,
    ),
    "image_generation_call": _item(
        "history of image_generation, which is refused", ("result", "error", "status"),
        setting="image_generation",
        result=INLINE_FILE, action=STRING, background=STRING, output_format=STRING, quality=STRING,
        revised_prompt=STRING, size=STRING,
        error=Members({
            "code": STRING, "message": STRING, "param": STRING, "type": STRING,
            "moderation_details": Members({"categories": STRINGS, "moderation_stage": STRING}),
        }),
        svg_usage=Members({
            "model": STRING,
            "input_tokens": COUNT, "output_tokens": COUNT, "reasoning_tokens": COUNT, "total_tokens": COUNT,
        }),
    ),
    "computer_call": _item(
        "history of computer, which is refused", ("action", "actions", "status"),
        setting="computer",
        call_id=STRING, action=COMPUTER_ACTION, actions=Many(COMPUTER_ACTION), pending_safety_checks=SAFETY_CHECKS,
    ),
    "computer_call_output": _item(
        "history of computer, which is refused", ("output",),
        setting="computer",
        call_id=STRING, output=SCREENSHOT, acknowledged_safety_checks=SAFETY_CHECKS, created_by=STRING,
    ),
    # -- history of refused tools
    "file_search_call": _history("file_search"),
    "code_interpreter_call": _history("code_interpreter"),
    "mcp_list_tools": _history("mcp"),
    "mcp_approval_request": _history("mcp"),
    "mcp_approval_response": _history("mcp"),
    "mcp_call": _history("mcp"),
    "program": _history("programmatic_tool_calling"),
    "program_output": _history("programmatic_tool_calling"),
})  # fmt: skip


def _untyped(item: Mapping[str, Json]) -> str | None:
    """The provider takes an item without a type for a message if it has a role, for a reference if it has an id."""
    if item.get("role") is not None:
        return "message"
    return None if item.get("id") is None else "item_reference"


ITEM: Final = Typed("item", "input item type", ITEMS, untyped=_untyped)
