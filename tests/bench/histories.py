"""Agents' histories as request bodies: what agents send again, one turn longer, with every call.

A turn is what a coding agent's loop leaves behind: a question, sealed reasoning, a tool's call and its output, and the
answer; some 2.7 KB. 100 turns with 40 tools are 341 KB, 400 turns with 100 tools 1.26 MB.
"""

import base64
import json
import random
from collections.abc import Iterator
from typing import Any, Final

from addons.process.banner import MODEL

type Item = dict[str, Any]

_WORDS: Final = (
    "the", "of", "and", "to", "in", "is", "that", "it", "was", "for", "call", "are", "as", "with", "they", "at", "be",
    "file", "have", "from", "or", "by", "not", "what", "all", "were", "reads", "when", "your", "can", "return", "there",
)  # fmt: skip


def history(turns: int, tools: int, conversation: int = 0) -> bytes:
    """The same for the same numbers; one with more turns begins with one of fewer, byte for byte, up to its last.

    Two conversations share nothing but the names of their tools.
    """
    body = {
        "model": MODEL,
        "instructions": _prose(_chance(conversation, 0), 2000),
        "tools": [_tool(conversation, number) for number in range(tools)],
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "input": [item for number in range(turns) for item in _turn(conversation, number)],
    }
    return json.dumps(body).encode()


def _turn(conversation: int, number: int) -> Iterator[Item]:
    chance = _chance(conversation, number)
    call, path = f"call_{number:024x}", {"path": f"source/module_{number}.py", "first": 1, "last": 200}
    yield {"role": "user", "content": _prose(chance, 150)}
    sealed = base64.b64encode(chance.randbytes(639)).decode()
    yield {"type": "reasoning", "id": f"rs_{number:032x}", "summary": [], "encrypted_content": sealed}
    yield {"type": "function_call", "id": f"fc_{number:032x}", "call_id": call, "name": "read_file",
           "arguments": json.dumps(path), "status": "completed"}  # fmt: skip
    yield {"type": "function_call_output", "call_id": call, "output": _prose(chance, 820)}
    text = {"type": "output_text", "text": _prose(chance, 200), "annotations": [], "logprobs": []}
    yield {"type": "message", "id": f"msg_{number:032x}", "role": "assistant", "status": "completed", "content": [text]}


def _tool(conversation: int, number: int) -> Item:
    chance = _chance(conversation, -number)
    properties = {f"argument_{each}": {"type": "string", "description": _prose(chance, 60)} for each in range(8)}
    schema = {"type": "object", "properties": properties, "required": list(properties)[:3],
              "additionalProperties": False}  # fmt: skip
    return {"type": "function", "name": f"tool_{number}", "description": _prose(chance, 490), "strict": False,
            "parameters": schema}  # fmt: skip


def _chance(conversation: int, number: int) -> random.Random:
    return random.Random(conversation * 1_000_000 + number)


def _prose(chance: random.Random, length: int) -> str:
    """Some ``length`` characters, with a comma now and then and line feeds."""
    written = ""
    while len(written) < length:
        written += chance.choice(_WORDS) + chance.choice((" ", " ", " ", " ", " ", " ", ", ", ".\n"))
    return written
