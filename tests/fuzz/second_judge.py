"""A second judge, deliberately naive: written from docs/contract.md#fields alone, and never from the tables.

It walks a parsed body and knows names. ``scan`` looks for what may not be inside one that leaves; ``objections``
says why one may not leave under the default policy.
"""

from collections.abc import Iterator
from typing import Any, Final

from addons.apis.policy_settings import PolicySettings
from addons.bodies.verdict import Json

ONLY_DATA = {"parameters", "output_schema", "schema", "arguments", "metadata", "env", "error"}
NEVER = {
    "file_id", "file_ids", "container", "container_id", "vector_store_ids", "connector_id", "server_url", "tunnel_id",
    "server_label", "skill_id", "caller_id", "previous_response_id", "comparison_response_id", "approval_request_id",
}  # fmt: skip
NEVER_AT_THE_TOP = {
    "conversation", "prompt", "moderation", "access_programs", "background_options", "safety_identifier", "user",
    "client_metadata",
}  # fmt: skip
NEVER_TYPES = {
    "file_search", "code_interpreter", "mcp", "programmatic_tool_calling", "web_search_preview",
    "web_search_preview_2025_03_11", "item_reference", "file_search_call", "code_interpreter_call", "mcp_list_tools",
    "mcp_call", "mcp_approval_request", "mcp_approval_response", "program", "program_output", "container_auto",
    "container_reference", "skill_reference", "file_citation", "file_path", "container_file_citation",
}  # fmt: skip
OLD_NAMES = {"web_search_preview", "web_search_preview_2025_03_11"}
"""Of web search, by which a choice may still call the tool (docs/contract.md#tools)."""

NEVER_VALUES = {"12h", "24h", "programmatic", "pro", "flex", "scale", "priority", "fast", "ultrafast"}
FETCHED = {"image_url", "file_url", "file_data", "result"}
BY_SETTING = {
    "image_generation": {"image_generation", "image_generation_call"},
    "computer": {"computer", "computer_use", "computer_use_preview", "computer_call", "computer_call_output"},
    "web_search": {"web_search", "web_search_2025_08_26", "web_search_call"},
}


def scan(node: Json, chosen: PolicySettings, where: str = "", *, words: bool = True) -> list[str]:  # noqa: C901, PLR0912 - a flat list of suspicions
    if isinstance(node, list):
        return [
            found for index, inner in enumerate(node) for found in scan(inner, chosen, f"{where}[{index}]", words=words)
        ]
    if words and isinstance(node, str) and node in NEVER_VALUES:
        return [where]
    if not isinstance(node, dict):
        return []
    found = []
    kind = node.get("type")
    chosen_by_an_old_name = (
        kind in OLD_NAMES and "tool_choice" in where and chosen.web_search in ("allow", "cache_only")
    )
    if kind in NEVER_TYPES and not chosen_by_an_old_name:
        found.append(f"{where} is {kind}")
    for setting, kinds in BY_SETTING.items():
        if kind in kinds and getattr(chosen, setting) in ("refuse", "strip"):
            found.append(f"{where} is {kind}")
    sealed = _is_said(node.get("encrypted_content"))
    if kind in ("reasoning", "compaction") and where.startswith(".input") and not sealed:
        found.append(f"{where} is not sealed")
    if kind == "shell" and "tool_choice" not in where and (node.get("environment") or {}).get("type") != "local":
        found.append(f"{where} may run in a container")
    if (
        kind in ("web_search", "web_search_2025_08_26")
        and node.get("external_web_access", "tool_choice" not in where)  # a mere name searches nothing by itself
    ):
        found.append(f"{where} searches the web")
    if node.get("execution") == "server" and chosen.server_tool_search == "refuse":
        found.append(f"{where} is run by the server")
    for key, inner in node.items():
        below = f"{where}.{key}"
        if key in ONLY_DATA:
            continue
        if key in NEVER and inner is not None:
            found.append(below)
        if key in FETCHED and isinstance(inner, str) and "://" in inner:
            found.append(f"{below} is fetched")
        found += scan(inner, chosen, below, words=words)
    return found


def _is_said(value: Json) -> bool:
    """Null and blank are none."""
    return isinstance(value, str) and bool(value.strip())


# -- what may leave, by the contract's own lists

FIELDS: Final = frozenset(
    [
        "model",
        "input",
        "instructions",
        "text",
        "temperature",
        "top_p",
        "top_logprobs",
        "truncation",
        "parallel_tool_calls",
        "max_tool_calls",
        "stream",
        "stream_options",
        "reasoning",
        "context_management",
        "image",
        "prompt_cache_key",
        "metadata",
        "max_output_tokens",
        "store",
        "prompt_cache_retention",
        "prompt_cache_options",
        "service_tier",
        "include",
        "tools",
        "tool_choice",
        "user",
        "safety_identifier",
        "client_metadata",
        "access_programs",
    ]
)
REFUSED: Final = frozenset(
    [
        "background",
        "background_options",
        "conversation",
        "previous_response_id",
        "prompt",
        "moderation",
    ]
)
INCLUDES: Final = frozenset(
    ("reasoning.encrypted_content", "message.output_text.logprobs", "message.input_image.image_url")
)
CALLERS_TOOLS: Final = frozenset(
    ["function", "custom", "apply_patch", "local_shell", "shell", "tool_search", "namespace"]
)
ITEMS: Final = frozenset(
    [
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "additional_tools",
        "tool_search_call",
        "tool_search_output",
        "reasoning",
        "compaction",
        "compaction_trigger",
        "configuration_update",
    ]
)
PARTS: Final = frozenset(["input_text", "input_image", "input_file", "output_text", "refusal"])


def objections(body: dict[str, Any]) -> Iterator[str]:  # noqa: C901 - a flat list of suspicions
    """Why this body may not leave. A known member that is null says nothing, as one that is absent."""
    said = {name: value for name, value in body.items() if value is not None}
    for name in body.keys() - FIELDS - REFUSED:
        yield f"unknown field {name}"
    for name in said.keys() & REFUSED:
        if not (name == "background" and said[name] is False):
            yield name
    if said.get("store") is True:
        yield "store"
    if said.get("prompt_cache_retention") == "24h":
        yield "prompt_cache_retention"
    if said.get("service_tier", "auto") not in ("auto", "default"):
        yield "service_tier"
    options = said.get("prompt_cache_options")
    if isinstance(options, dict) and (options.get("ttl") == "12h" or options.get("comparison_response_id") is not None):
        yield "prompt_cache_options"
    if isinstance(reasoning := said.get("reasoning"), dict) and reasoning.get("mode") == "pro":
        yield "reasoning.mode"
    for value in _list(said.get("include")):
        if value not in list(INCLUDES):
            yield f"include {value}"
    for tool in _list(said.get("tools")):
        yield from _tool(tool)
    yield from _choice(said.get("tool_choice"))
    for item in _list(said.get("input")):
        yield from _item(item)
    yield from scan(
        {name: value for name, value in said.items() if name not in _TAKEN_OUT}, PolicySettings(), words=False
    )


_TAKEN_OUT: Final = frozenset(
    ("user", "safety_identifier", "client_metadata", "access_programs", "tools", "tool_choice")
)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _tool(tool: Any, *, named: bool = False) -> Iterator[str]:
    kind = str(tool.get("type")) if isinstance(tool, dict) else ""
    if kind not in CALLERS_TOOLS:
        yield f"tool {kind}"
        return
    if kind == "shell" and not named and (tool.get("environment") or {}).get("type") != "local":
        yield "shell in a container"
    if kind == "tool_search" and not named and tool.get("execution") != "client":
        yield "tool_search by the server"
    if "programmatic" in _list(tool.get("allowed_callers")):
        yield "programmatic callers"
    for inner in _list(tool.get("tools")) if kind == "namespace" else ():
        yield from _tool(inner, named=named)


def _choice(choice: Any) -> Iterator[str]:
    if not isinstance(choice, dict):
        return
    if choice.get("type") == "allowed_tools":
        for tool in _list(choice.get("tools")):
            yield from _tool(tool, named=True)
    else:
        yield from _tool(choice, named=True)


def _item(item: Any) -> Iterator[str]:
    if not isinstance(item, dict):
        yield "no item"
        return
    kind = str(item.get("type") or ("item_reference" if item.get("role") is None else "message"))
    if kind not in ITEMS:
        yield f"item {kind}"
    for tool in _list(item.get("tools")) if kind in {"additional_tools", "tool_search_output"} else ():
        yield from _tool(tool)
    if kind in {"tool_search_call", "tool_search_output"} and item.get("execution") != "client":
        yield "tool_search by the server"
    for place in (
        ("content", "output") if kind in {"message", "function_call_output", "custom_tool_call_output"} else ()
    ):
        for part in _list(item.get(place)):
            if not isinstance(part, dict) or str(part.get("type")) not in PARTS:
                yield "part"
            elif isinstance(mark := part.get("prompt_cache_breakpoint"), dict) and mark.get("ttl") == "12h":
                yield "prompt_cache_breakpoint"
