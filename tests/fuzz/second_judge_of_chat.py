"""A second judge of chat completions, deliberately naive: from the contract's words alone, never from the tables."""

from collections.abc import Iterator
from typing import Any, Final

KNOWN: Final = frozenset((
    "model", "messages", "prediction", "response_format", "modalities", "reasoning_effort", "verbosity", "temperature",
    "top_p", "frequency_penalty", "presence_penalty", "logit_bias", "seed", "stop", "logprobs", "top_logprobs", "n",
    "max_completion_tokens", "max_tokens", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls",
    "functions", "function_call", "store", "prompt_cache_retention", "prompt_cache_options", "prompt_cache_key",
    "service_tier", "metadata", "user", "safety_identifier",
))  # fmt: skip
REFUSED: Final = frozenset(("audio", "web_search_options", "moderation"))
TAKEN_OUT: Final = frozenset(("metadata", "user", "safety_identifier"))
ROLES: Final = frozenset(("developer", "system", "user", "assistant", "tool", "function"))
PARTS: Final = frozenset(("text", "refusal", "image_url", "input_audio", "file"))
TOOLS: Final = frozenset(("function", "custom"))
ONLY_DATA: Final = frozenset(("parameters", "schema", "arguments", "logit_bias", "metadata"))


def objections(body: dict[str, Any]) -> Iterator[str]:
    """Why this body may not leave. A known member that is null says nothing, as one that is absent."""
    said = {name: value for name, value in body.items() if value is not None}
    for name in body.keys() - KNOWN - REFUSED:
        yield f"unknown field {name}"
    for name in said.keys() & REFUSED:
        yield f"refused field {name}"
    if said.get("store") is True:
        yield "store"
    if said.get("prompt_cache_retention") == "24h":
        yield "prompt_cache_retention"
    if said.get("service_tier", "auto") not in ("auto", "default"):
        yield "service_tier"
    if "audio" in _list(said.get("modalities")):
        yield "spoken answers"
    for tool in [*_list(said.get("tools")), *_chosen(said.get("tool_choice"))]:
        if not isinstance(tool, dict) or str(tool.get("type")) not in TOOLS:
            yield "tool"
    for message in _list(said.get("messages")):
        yield from _message(message)
    yield from _anywhere({name: value for name, value in said.items() if name not in TAKEN_OUT})


def _chosen(choice: Any) -> list[Any]:
    if not isinstance(choice, dict):
        return []
    allowed = choice.get("allowed_tools")
    return _list(allowed.get("tools")) if choice.get("type") == "allowed_tools" and isinstance(allowed, dict) else []


def _message(message: Any) -> Iterator[str]:
    if not isinstance(message, dict) or str(message.get("role")) not in ROLES:
        yield "role"
        return
    if message.get("audio") is not None:
        yield "an earlier spoken answer"
    for part in _list(message.get("content")):
        if not isinstance(part, dict) or str(part.get("type")) not in PARTS:
            yield "part"
    for call in _list(message.get("tool_calls")):
        if not isinstance(call, dict) or str(call.get("type")) not in TOOLS:
            yield "tool call"


def _anywhere(node: Any) -> Iterator[str]:
    """What may stand nowhere in a body, but in what is data alone."""
    if isinstance(node, list):
        for inner in node:
            yield from _anywhere(inner)
    if not isinstance(node, dict):
        return
    for name, inner in node.items():
        if name in ONLY_DATA:
            continue
        if name == "file_id" and inner is not None:
            yield "a stored file"
        if name == "ttl" and inner == "12h":
            yield "half a day"
        if isinstance(node.get("image_url"), dict) and "://" in str(node["image_url"].get("url")):
            yield "a fetched image"
        if name in ("file_data", "data") and isinstance(inner, str) and "://" in inner:
            yield "a fetched file"
        yield from _anywhere(inner)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
