"""What the simulated provider answers to a chat completion's request, whole and in chunks.

Shapes follow the types of openai-python's ``openai.types.chat``, which the tests parse strictly.
"""

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from addons.simulator.answer import GREETING, REASONING_TOKENS, pieces, stretched
from addons.simulator.directives import Directives, TokenCounts
from addons.simulator.json_example import example

type Json = dict[str, Any]

_CALLABLE: Final = ("function", "custom")
_OUTPUTS: Final = ("tool", "function")


def completion(request: Mapping[str, Any], how: Directives) -> Json:
    """The finished completion of ``request``, a parsed body, as ``how`` directs.

    Raises:
        ValueError: labels without ``store``, as the API has it; a JSON schema that can't be followed; a tool is to be
            called and there is none.
    """
    if request.get("metadata") and not request.get("store"):
        raise ValueError("The 'metadata' parameter is only allowed when 'store' is enabled.")
    messages = [message for message in request["messages"] if isinstance(message, dict)]
    called = _tool_to_call(request, messages, how)
    choices = [
        {"index": index, "logprobs": None, **_choice(request, messages, called, how)}
        for index in range(request.get("n") or 1)
    ]
    answer: Json = {
        "id": f"chatcmpl-{secrets.token_urlsafe(21)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request["model"],
        "choices": choices,
        "usage": _usage(how.usage or _estimate(request, choices, how)),
        "service_tier": _tier(request, how),
        "system_fingerprint": f"fp_{secrets.token_hex(5)}",
    }
    return answer


def chunks(answer: Json, request: Mapping[str, Any], how: Directives) -> Iterator[bytes]:
    """Each event of the stream as it goes on the wire, and ``[DONE]``, which has no line of its own for a name."""
    options = request.get("stream_options") or {}
    told, obfuscated = options.get("include_usage") is True, options.get("include_obfuscation", True)
    common = {name: answer[name] for name in ("id", "created", "model", "service_tier", "system_fingerprint")}
    common = {"object": "chat.completion.chunk", **common}
    for choice in answer["choices"]:
        for delta, finish in _deltas(choice, how):
            piece = {"index": choice["index"], "delta": delta, "logprobs": None, "finish_reason": finish}
            chunk = common | {"choices": [piece]} | ({"usage": None} if told else {})
            if obfuscated:
                chunk["obfuscation"] = "x" * (1 + len(str(delta)) % 16)
            yield _event(chunk)
    if how.error_event or how.failed:
        error = {"message": "Simulated: the stream failed.", "type": "server_error", "param": None, "code": None}
        yield _event({"error": error})
        return
    if told:
        yield _event(common | {"choices": [], "usage": answer["usage"]})
    yield b"data: [DONE]\n\n"


def _event(data: Json) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def _deltas(choice: Json, how: Directives) -> Iterator[tuple[Json, str | None]]:
    message = choice["message"]
    if calls := message.get("tool_calls"):
        for index, call in enumerate(calls):
            kind = call["type"]
            member = "arguments" if kind == "function" else "input"
            first = call | {"index": index, kind: call[kind] | {member: ""}}
            yield {"role": "assistant", "content": None, "tool_calls": [first]}, None
            for piece in pieces(call[kind][member], None):
                yield {"tool_calls": [{"index": index, kind: {member: piece}}]}, None
    else:
        yield {"role": "assistant", "content": "", "refusal": None}, None
        for piece in pieces(message["content"], how.events):
            yield {"content": piece}, None
    yield {}, choice["finish_reason"]


def _choice(
    request: Mapping[str, Any], messages: list[Json], called: Mapping[str, Any] | None, how: Directives
) -> Json:
    message: Json = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    if called:
        message["tool_calls"] = [_call(called)]
        return {"message": message, "finish_reason": "tool_calls"}
    message["content"] = _text(request, messages, how)
    return {"message": message, "finish_reason": "length" if how.incomplete else "stop"}


def _text(request: Mapping[str, Any], messages: list[Json], how: Directives) -> str:
    wanted = request.get("response_format") or {"type": "text"}
    if wanted["type"] == "json_schema":
        text, filler = json.dumps(example(wanted["json_schema"].get("schema")), ensure_ascii=False), "\n"
    elif wanted["type"] == "json_object":
        text, filler = json.dumps({"greeting": GREETING}), "\n"
    else:
        last = messages[-1] if messages else {}
        did = "The tool returned" if last.get("role") in _OUTPUTS else "You wrote"
        # The dash is there to put more than ASCII on the wire.
        text, filler = f"{GREETING} {did} {_length(last.get('content'))} characters \u2014 thank you.", " more"
    return text if how.events is None else stretched(text, how.events, filler)


def _length(content: Any) -> int:
    if isinstance(content, str):
        return len(content)
    return sum(len(part.get("text") or "") for part in content or () if isinstance(part, dict))


def _tool_to_call(request: Mapping[str, Any], messages: list[Json], how: Directives) -> Mapping[str, Any] | None:
    """The tool this answer calls: when the choice or the directive demands one, and none has answered yet."""
    choice = request.get("tool_choice")
    named = choice[choice["type"]].get("name") if isinstance(choice, dict) and choice["type"] in _CALLABLE else None
    if not (choice == "required" or named or how.tool_call) or (messages and messages[-1].get("role") in _OUTPUTS):
        return None
    for tool in request.get("tools") or ():
        if tool.get("type") in _CALLABLE and named in {None, tool[tool["type"]].get("name")}:
            return dict(tool)
    raise ValueError("A tool is to be called, and the request brings no such function or custom tool.")


def _call(tool: Mapping[str, Any]) -> Json:
    kind = tool["type"]
    name = tool[kind]["name"]
    call = {"id": f"call_{secrets.token_hex(12)}", "type": kind}
    if kind == "custom":
        return call | {"custom": {"name": name, "input": "simulated"}}
    arguments = json.dumps(example(tool[kind].get("parameters") or {"type": "object"}), ensure_ascii=False)
    return call | {"function": {"name": name, "arguments": arguments}}


def _tier(request: Mapping[str, Any], how: Directives) -> str:
    asked = request.get("service_tier")
    return how.echo_tier or ("default" if asked in {None, "auto"} else str(asked))


def _estimate(request: Mapping[str, Any], choices: list[Json], how: Directives) -> TokenCounts:
    """Four characters a token, as a rule of thumb."""
    reasoning = REASONING_TOKENS if how.reasoning or request.get("reasoning_effort") else 0
    written = sum(
        len(json.dumps(choice["message"].get("tool_calls") or choice["message"]["content"])) for choice in choices
    )
    read = json.dumps([request.get("messages"), request.get("tools")])
    return TokenCounts(len(read) // 4 + 1, 0, written // 4 + 1 + reasoning, reasoning)


def _usage(tokens: TokenCounts) -> Json:
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {
            "cached_tokens": tokens.cached, "audio_tokens": 0, "cache_write_tokens": tokens.cache_write,
        },
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    }  # fmt: skip
