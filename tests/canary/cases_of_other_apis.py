"""What callers of chat completions, embeddings and the models may hide secrets in, and what the provider says to it."""

import json
from collections.abc import Callable
from typing import Any, Final

from tests.canary import servers
from tests.canary.cases import Case, Planting, Reply, Request, raw, says
from tests.conftest import MODEL, PATH
from tests.proxy.test_embeddings import ADA, EMBEDDINGS, MODELS

CHAT: Final = PATH.replace("responses", "chat/completions")


def chat(plant: Planting, **members: Any) -> dict[str, Any]:
    """A request with something to hide in each of its parts; None takes a member out."""
    arguments = json.dumps({"a": plant("arguments")})
    function = {"name": "f", "description": plant.phrase(), "parameters": {"x": plant("prompt")}}
    body: dict[str, Any] = {
        "model": MODEL,
        "messages": [
            {"role": "developer", "content": plant.phrase()},
            {"role": "user", "name": plant("prompt"), "content": [{"type": "text", "text": plant.phrase()}]},
            {
                "role": "assistant",
                "content": None,
                "refusal": plant.phrase(),
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": plant.phrase("arguments")},
            {"role": "assistant", "content": None, "function_call": {"name": "g", "arguments": arguments}},
            {"role": "function", "name": "g", "content": plant.phrase("arguments")},
        ],
        "tools": [{"type": "function", "function": function}],
        "functions": [function],
        "prediction": {"type": "content", "content": plant.phrase()},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "s", "description": plant.phrase(), "schema": {plant("prompt"): {}}},
        },
        "stop": [plant("prompt")],
        "metadata": {"note": plant.phrase("metadata")},
        "user": plant("metadata"),
        "safety_identifier": plant("metadata"),
    } | members
    return {name: value for name, value in body.items() if value is not None}


def asks(**members: Any) -> Request:
    return lambda plant: plant.request(
        chat(plant, **{name: value(plant) if callable(value) else value for name, value in members.items()}),
        target=CHAT,
    )


def embeds(**members: Any) -> Request:
    def request(plant: Planting) -> bytes:
        given = {name: value(plant) if callable(value) else value for name, value in members.items()}
        body = {"model": ADA, "input": [plant.phrase(), plant("prompt")], "user": plant("metadata"), **given}
        return plant.request(body, target=EMBEDDINGS)

    return request


def completion(plant: Planting) -> dict[str, Any]:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": plant("answer")})}}
    token = {"token": plant("answer"), "bytes": list(plant("answer").encode()), "logprob": -1.0, "top_logprobs": []}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5.2",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": plant.phrase("answer"),
                    "refusal": plant.phrase("answer"),
                    "tool_calls": [call],
                },
                "logprobs": {"content": [token], "refusal": None},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def delta(**members: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": members, "logprobs": None, "finish_reason": None}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-5.2", "choices": [choice]}


def chunks(plant: Planting, *more: dict[str, Any], complete: bool) -> bytes:
    """A text in two pieces, each of them a secret, and a tool's arguments in one."""
    called = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": plant("answer")}}
    said = [
        delta(role="assistant", content=plant("answer")),
        delta(content=plant("answer")),
        delta(tool_calls=[called]),
    ]
    return servers.stream(*said, *more, *([b"data: [DONE]\n\n"] if complete else []), complete=complete)


def failed(plant: Planting) -> dict[str, Any]:
    return {"error": {"code": plant.phrase("answer"), "message": plant.phrase("answer")}}


def vectors(embedding: Callable[[Planting], Any]) -> Reply:
    return says(
        200,
        lambda plant: {
            "object": "list",
            "model": "text-embedding-ada-002",
            "data": [{"object": "embedding", "index": 0, "embedding": embedding(plant)}],
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        },
    )


CASES: Final = (
    Case("chat", (200,), asks(), says(200, completion)),
    Case("chat stream", (200,), asks(stream=True), raw(lambda p, _h, _b: chunks(p, complete=True))),
    Case("chat stream that breaks off", (200,), asks(stream=True), raw(lambda p, _h, _b: chunks(p, complete=False))),
    Case(
        "chat error in a stream",
        (200,),
        asks(stream=True),
        raw(
            lambda p, _h, _b: chunks(
                p, {"error": {"code": p.phrase("answer"), "message": p.phrase("answer")}}, complete=True
            )
        ),
    ),
    Case(
        "chat 400 that quotes",
        (400,),
        asks(),
        says(400, failed),
    ),
    Case("chat unknown field", (400,), asks(remember=lambda p: p("prompt"))),
    Case("chat unknown role", (400,), asks(messages=lambda p: [{"role": p("prompt"), "content": p("prompt")}])),
    Case("chat unknown part", (400,), asks(messages=lambda p: [{"role": "user", "content": [{"type": p("prompt")}]}])),
    Case("chat unknown tool", (400,), asks(tools=lambda p: [{"type": p("prompt"), p("prompt"): {}}])),
    Case("chat spoken", (400,), asks(audio=lambda p: {"voice": p("prompt"), "format": "wav"})),
    Case("chat bias", (400,), asks(logit_bias=lambda p: {p("prompt"): p("prompt")})),
    Case(
        "chat image",
        (400,),
        asks(
            messages=lambda p: [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": f"https://{p('prompt')}.example"}}],
                }
            ]
        ),
    ),
    Case("embeddings", (200,), embeds(), vectors(lambda _: [0.25] * 8)),
    Case("embeddings as bytes", (200,), embeds(encoding_format="base64"), vectors(lambda p: p("answer"))),
    Case("embeddings unknown field", (400,), embeds(remember=lambda p: p("prompt"))),
    Case("embeddings of an object", (400,), embeds(input=lambda p: {p("prompt"): p("prompt")})),
    Case("embeddings unknown encoding", (400,), embeds(encoding_format=lambda p: p("prompt"))),
    Case("models", (200,), lambda p: p.request(b"", method="GET", target=f"{MODELS}?token={p('query')}")),
    Case(
        "another provider's path",
        (404,),
        lambda p: p.request(target=f"/api/v2/llm/proxy/anthropic/v1/{p('malformed')}?key={p('query')}"),
    ),
)
