"""What the simulated provider answers to one request: a Responses API ``response`` object.

Shapes follow the types of openai-python's ``openai.types.responses``, which the tests parse strictly.
"""

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from addons.simulator.directives import Directives, TokenCounts
from addons.simulator.json_example import example

GREETING: Final = "Hello from the simulated provider."
REASONING_TOKENS: Final = 16

# Request members that a response repeats, with what the API puts there when they are absent or null.
_ECHOED: Final[Mapping[str, Any]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
_OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")


def response(request: Mapping[str, Any], how: Directives) -> dict[str, Any]:
    """The finished response to ``request``, a parsed body, as ``how`` directs.

    Raises:
        ValueError: the request's JSON schema can't be followed, or a tool is to be called and there is none.
    """
    now = int(time.time())
    items = _history(request)
    tool = _tool_to_call(request, items, how)
    output = [*_reasoning(request, how), _call(tool) if tool else _message(request, items, how)]
    answer: dict[str, Any] = {
        "id": _id("resp"),
        "object": "response",
        "created_at": now,
        "status": "completed",
        "completed_at": now,
        "error": None,
        "incomplete_details": None,
        "model": request["model"],
        "output": output,
        "reasoning": {"effort": None, "summary": None} | (request.get("reasoning") or {}),
        "text": {"format": {"type": "text"}, "verbosity": "medium"} | (request.get("text") or {}),
        "tools": [_echoed_tool(tool) for tool in request.get("tools") or ()],
        "usage": _usage(how.usage or _estimate(request, output)),
    }
    answer |= {name: default if request.get(name) is None else request[name] for name, default in _ECHOED.items()}
    if answer["service_tier"] == "auto":
        answer["service_tier"] = "default"
    if how.echo_store:
        answer["store"] = True
    if how.echo_background:
        answer["background"] = True
    if how.echo_tier:
        answer["service_tier"] = how.echo_tier
    if how.incomplete:
        answer |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    if how.failed:
        error = {"code": "server_error", "message": "Simulated: the response failed."}
        answer |= {"status": "failed", "error": error, "usage": None}
    if answer["status"] != "completed":
        answer["completed_at"] = None
        if "status" in output[-1]:
            output[-1]["status"] = "incomplete"
    return answer


def pieces(text: str, count: int | None) -> list[str]:
    """``text`` as the deltas it streams in: a word each, or ``count`` of them at most."""
    words = re.findall(r"\s*\S+|\s", text)
    if count is None or len(words) <= count:
        return words
    return [*words[: count - 1], "".join(words[count - 1 :])]


def _id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(24)}"


def _history(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = request.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []


def _last(items: list[dict[str, Any]], *, outputs: bool) -> int:
    wanted = (lambda item: item.get("type") in _OUTPUTS) if outputs else (lambda item: item.get("role") == "user")
    return max((index for index, item in enumerate(items) if wanted(item)), default=-1)


def _length(content: Any) -> int:
    """Characters of text in a message's content or a tool's output."""
    if isinstance(content, str):
        return len(content)
    parts = content if isinstance(content, list) else []
    return sum(len(part["text"]) for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _message(request: Mapping[str, Any], items: list[dict[str, Any]], how: Directives) -> dict[str, Any]:
    wanted = (request.get("text") or {}).get("format") or {"type": "text"}
    if wanted.get("type") == "json_schema":
        text, filler = json.dumps(example(wanted.get("schema")), ensure_ascii=False), "\n"
    elif wanted.get("type") == "json_object":
        text, filler = json.dumps({"greeting": GREETING}), "\n"
    else:
        text, filler = _prose(items), " more"
    if how.events is not None:
        text = stretched(text, how.events, filler)
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    return {"id": _id("msg"), "type": "message", "status": "completed", "role": "assistant", "content": [part]}


def _prose(items: list[dict[str, Any]]) -> str:
    user, tool = _last(items, outputs=False), _last(items, outputs=True)
    if tool > user:
        return f"{GREETING} The tool returned {_length(items[tool].get('output'))} characters \u2014 thank you."
    # The dash is there to put more than ASCII on the wire.
    return f"{GREETING} You wrote {_length(items[user].get('content')) if items else 0} characters \u2014 thank you."


def stretched(text: str, count: int, filler: str) -> str:
    missing = count - len(pieces(text, None))
    return text + filler * max(0, missing)


def _reasoning(request: Mapping[str, Any], how: Directives) -> list[dict[str, Any]]:
    asked = request.get("reasoning") or {}
    if not (how.reasoning or asked):
        return []
    summary = [{"type": "summary_text", "text": "The simulated provider thought about it."}]
    item: dict[str, Any] = {
        "id": _id("rs"),
        "type": "reasoning",
        "summary": summary if how.reasoning or asked.get("summary") else [],
    }
    if "reasoning.encrypted_content" in (request.get("include") or ()):
        item["encrypted_content"] = f"gAAAAA{secrets.token_urlsafe(96)}"
    return [item]


def _callable_tools(tools: Any, namespace: str | None = None) -> Iterator[dict[str, Any]]:
    for tool in tools or ():
        if tool.get("type") == "namespace":
            yield from _callable_tools(tool.get("tools"), tool.get("name"))
        elif tool.get("type") in ("function", "custom"):
            yield tool | ({"namespace": namespace} if namespace else {})


def _tool_to_call(request: Mapping[str, Any], items: list[dict[str, Any]], how: Directives) -> dict[str, Any] | None:
    """The tool this answer calls: when the choice or the directive demands one, and none has answered yet."""
    choice = request.get("tool_choice")
    names: set[str] | None = None
    demanded = choice == "required"
    if isinstance(choice, dict):
        allowed = choice.get("tools") if choice.get("type") == "allowed_tools" else [choice]
        demanded = choice.get("type") in ("function", "custom") or choice.get("mode") == "required"
        names = {tool["name"] for tool in allowed or () if "name" in tool}
    if not (demanded or how.tool_call) or _last(items, outputs=True) > _last(items, outputs=False):
        return None
    for tool in _callable_tools(request.get("tools")):
        if not names or tool.get("name") in names:
            return tool
    raise ValueError("A tool is to be called, and the request brings no such function or custom tool.")


def _call(tool: Mapping[str, Any]) -> dict[str, Any]:
    common = {"call_id": f"call_{secrets.token_hex(12)}", "name": tool["name"]}
    if "namespace" in tool:
        common["namespace"] = tool["namespace"]
    if tool["type"] == "custom":
        return {"id": _id("ctc"), "type": "custom_tool_call", "status": "completed", "input": "simulated", **common}
    arguments = json.dumps(example(tool.get("parameters") or {"type": "object"}), ensure_ascii=False)
    return {"id": _id("fc"), "type": "function_call", "status": "completed", "arguments": arguments, **common}


def _echoed_tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        return tool
    return {"type": "function", "description": None, "parameters": None, "strict": True} | tool


def _estimate(request: Mapping[str, Any], output: list[dict[str, Any]]) -> TokenCounts:
    """Four characters a token, as a rule of thumb."""
    read = [request.get(name) for name in ("instructions", "input", "tools")]
    reasoning = REASONING_TOKENS if output[0]["type"] == "reasoning" else 0
    last = output[-1]
    written = (
        _length(last["content"]) if last["type"] == "message" else len(last.get("arguments") or last.get("input") or "")
    )
    return TokenCounts(len(json.dumps(read)) // 4 + 1, 0, written // 4 + 1 + reasoning, reasoning)


def _usage(tokens: TokenCounts) -> dict[str, Any]:
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {
            "cached_tokens": tokens.cached,
            "cache_write_tokens": tokens.cache_write,
            "cache_write_tokens_details": {
                "ttl_12h_tokens": tokens.cache_write_12h,
                "ttl_30m_tokens": tokens.cache_write - tokens.cache_write_12h,
            },
        },
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + tokens.output,
    }
