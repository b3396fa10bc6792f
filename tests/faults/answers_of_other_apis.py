"""The same misbehaviour where it may matter which API was asked: chat completions' chunks, and embeddings."""

import json
from collections.abc import Mapping
from typing import Final

from addons.simulator.chat import chunks, completion
from addons.simulator.directives import read
from addons.simulator.embeddings import embeddings
from tests.faults.answers import (
    BIG,
    BROKEN,
    CHUNKED,
    END,
    FAILED,
    FELL_SILENT,
    JSON_CUT,
    NO_RESULT,
    SERVED,
    TIMEOUT,
    UNCOUNTED,
    Outcome,
    Row,
    chunk,
    head,
)
from tests.faults.raw_provider import Each, Pause, Script, Step

_ASKED: Final = {
    "model": "gpt-5.2", "messages": [{"role": "user", "content": "Hello"}], "stream_options": {"include_usage": True},
}  # fmt: skip
_HOW: Final = read("usage=10,0,10,0")
_COMPLETION: Final = completion(_ASKED, _HOW)
EVENTS: Final = [
    event.replace("\N{EM DASH}".encode(), "\N{EM DASH}\N{GRINNING FACE}".encode())
    for event in chunks(_COMPLETION, _ASKED, _HOW)
]
STREAM: Final = b"".join(EVENTS)
*PIECES, USAGE, DONE = EVENTS
JSON: Final = json.dumps(_COMPLETION).encode()
VECTORS: Final = json.dumps(
    embeddings({"model": "m", "input": "Hello"}, _HOW) | {"usage": {"prompt_tokens": 20, "total_tokens": 20}}
).encode()

ERROR: Final = b'data: {"error":{"message":"It failed.","type":"server_error","param":null,"code":"server_error"}}\n\n'
PROVIDERS_ERROR: Final = Outcome(200, "server_error", "provider_error", "unknown", charged=True)
USAGE_HAD_COME: Final = BROKEN._replace(usage="reported", charged=False)
WORD: Final = b'{"status":404,"message":"no route"}'
BIG_PIECE: Final = PIECES[1].replace(b'"content":"', b'"content":"' + BIG)


def _whole(body: bytes) -> bytes:
    return head(b"Content-Length: %d" % len(body), kind=b"application/json") + body


def _chat(*steps: Step, outcome: Outcome = SERVED, stream: bool = True) -> Row:
    return Row(Script(steps), outcome, stream, api="chat_completions")


def _embeddings(*steps: Step, outcome: Outcome = SERVED) -> Row:
    return Row(Script(steps), outcome, stream=False, api="embeddings")


ROWS: Final[Mapping[str, Row]] = {
    "chat": _chat(_whole(JSON), "keep", stream=False),
    "chat-stream": _chat(CHUNKED + chunk(STREAM) + END, "keep"),
    "chat-cut-before-anything": _chat(outcome=FAILED),
    "chat-cut-after-headers": _chat(CHUNKED, outcome=BROKEN),
    "chat-cut-in-chunk": _chat(CHUNKED + chunk(STREAM[: len(EVENTS[0]) + 20]), outcome=BROKEN),
    "chat-ended-between-chunks": _chat(CHUNKED + chunk(b"".join(PIECES[:3])) + END, outcome=BROKEN),
    "chat-ended-before-its-usage": _chat(CHUNKED + chunk(b"".join(PIECES)) + END, outcome=BROKEN),
    "chat-ended-behind-its-usage": _chat(CHUNKED + chunk(STREAM.removesuffix(DONE)) + END, outcome=USAGE_HAD_COME),
    "chat-cut-behind-its-end": _chat(CHUNKED + chunk(STREAM)),
    "chat-error-in-stream": _chat(CHUNKED + chunk(PIECES[0] + ERROR) + END, outcome=PROVIDERS_ERROR),
    "chat-silent-before-headers": _chat(Pause(60), outcome=TIMEOUT),
    "chat-silent-in-stream": _chat(CHUNKED + chunk(b"".join(PIECES[:2])), Pause(60), outcome=FELL_SILENT),
    "chat-byte-by-byte": _chat(CHUNKED, Each(chunk(STREAM.replace(b"\n", b"\r\n")) + END), "keep"),
    "chat-chunk-of-5-mb": _chat(CHUNKED, chunk(PIECES[0]), chunk(BIG_PIECE), chunk(USAGE + DONE) + END, "keep"),
    "chat-cut-in-json": _chat(_whole(JSON)[:-50], outcome=JSON_CUT, stream=False),
    "chat-no-result": _chat(_whole(WORD), "keep", outcome=NO_RESULT, stream=False),
    "chat-no-result-in-stream": _chat(
        CHUNKED + chunk(b"data: " + WORD + b"\n\n" + DONE) + END, "keep", outcome=NO_RESULT
    ),
    "chat-nothing-in-stream": _chat(CHUNKED + chunk(DONE) + END, "keep", outcome=NO_RESULT),
    "embeddings-no-result": _embeddings(
        _whole(WORD), "keep", outcome=NO_RESULT._replace(errors={"python": "ValueError"})
    ),
    "chat-no-json": _chat(_whole(b"not json!"), "keep", outcome=UNCOUNTED, stream=False),
    "embeddings": _embeddings(_whole(VECTORS), "keep"),
    "embeddings-cut-before-anything": _embeddings(outcome=FAILED),
    "embeddings-cut-in-json": _embeddings(_whole(VECTORS)[:-1], outcome=JSON_CUT),
    "embeddings-cut-in-usage": _embeddings(
        _whole(VECTORS)[:-5], outcome=JSON_CUT._replace(usage="interrupted", charged=True)
    ),
    "embeddings-silent": _embeddings(Pause(60), outcome=TIMEOUT),
    "embeddings-as-a-stream": _embeddings(CHUNKED + chunk(b"data: {}\n\n") + END, outcome=FAILED),
}
