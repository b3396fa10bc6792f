"""What the simulated provider answers to a request for embeddings: unit vectors made of each input's hash."""

import base64
import hashlib
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

from addons.simulator.directives import Directives

DIMENSIONS = 1536


def embeddings(request: Mapping[str, Any], how: Directives) -> dict[str, Any]:
    """The list of embeddings that ``request`` asks for, one an input."""
    given = request["input"]
    inputs = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    tokens = how.usage.input if how.usage else sum(_tokens(each) for each in inputs)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _written(_vector(each, request), request)}
            for index, each in enumerate(inputs)
        ],
        "model": request["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _tokens(given: Any) -> int:
    return len(given) if isinstance(given, list) else len(given) // 4 + 1


def _vector(given: Any, request: Mapping[str, Any]) -> list[float]:
    length = request.get("dimensions") or DIMENSIONS
    seed = hashlib.sha256(json.dumps(given).encode()).digest()
    raw = [seed[place % len(seed)] - 127.5 for place in range(length)]
    norm = math.sqrt(sum(value * value for value in raw))
    return [value / norm for value in raw]


def _written(vector: list[float], request: Mapping[str, Any]) -> Any:
    if request.get("encoding_format") != "base64":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
