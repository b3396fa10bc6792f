"""The view of one message: bounded, and never raising, whatever the flow holds."""

from typing import Any

import pytest
from mitmproxy import contentviews, http
from mitmproxy.test import tflow

from addons.foundry.paths import BASE, PATH
from addons.inspecting.conversation_text import PAGE
from addons.inspecting.conversation_view import CUT, ConversationView
from addons.inspecting.originals import LEFT, SENT_BY_0_1
from addons.inspecting.wrapping import BLANK

VIEW = ConversationView()


def shown(flow: http.HTTPFlow, data: bytes, *, answer: bool = False, content_type: str = "application/json") -> str:
    message = flow.response if answer else flow.request
    return VIEW.prettify(data, contentviews.Metadata(flow=flow, content_type=content_type, http_message=message))


def flow(**metadata: Any) -> http.HTTPFlow:
    made = tflow.tflow(resp=True)
    made.request.path = PATH
    made.metadata.update(metadata)
    return made


@pytest.mark.parametrize("data", [b"", b"\xff\x00", b"{", b"null", b"[" * 100_000, b'{"input": [[[1]]]}'])
@pytest.mark.parametrize("answer", [False, True])
@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream", ""])
def test_any_bytes(data: bytes, answer: bool, content_type: str) -> None:
    assert "== What " in shown(flow(), data, answer=answer, content_type=content_type)


@pytest.mark.parametrize(
    "metadata",
    [
        {"sidecar": {}},
        {"sidecar": 7},
        {LEFT: 7},
        {LEFT: {}},
        {LEFT: {"headers": 3, "body": 4}},
        {SENT_BY_0_1: {"method": 1}},
        {SENT_BY_0_1: {"method": 1, "target": 2, "headers": 3, "body": 4}},
    ],
)
def test_odd_metadata_of_a_loaded_flow(metadata: dict[str, Any]) -> None:
    assert "Hello" in shown(flow(**metadata), b'{"input": "Hello"}')


def test_twenty_megabytes() -> None:
    part = b'{"type": "input_image", "image_url": "data:image/png;base64,%s"}' % (b"A" * 20_000_000)
    assert "image/png, 15,000,000 bytes" in shown(flow(), b'{"input": [{"role": "user", "content": [%s]}]}' % part)
    assert len(shown(flow(), b'{"input": "%s"}' % (b"A" * 20_000_000))) < PAGE
    assert len(shown(flow(), b"A" * 20_000_000)) < PAGE + 200


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("identity", "user:\n  Hello"), ("gzip", "[18 bytes, gzip]"), ("unheard-of", "[18 bytes, unheard-of]")],
)
def test_what_a_flow_by_0_1_keeps_beside_its_request_is_decoded(encoding: str, expected: str) -> None:
    kept = {"method": "POST", "target": "/", "headers": [["Content-Encoding", encoding]], "body": b'{"input": "Hello"}'}
    assert expected in shown(flow(**{SENT_BY_0_1: kept}), b"{}")


@pytest.mark.parametrize(
    ("leaving", "expected"),
    [
        ({"body": b'{"input": "Hello", "store": false}', "headers": [["Host", "there"]]}, "store: (absent) -> false\n"),
        (
            {"body": b'{"input": "Hello"}', "headers": []},
            "(nothing in the body)\nheaders kept back: host, idempotency-key\n",
        ),
        (
            {"body": b'{"input": "Hello"}', "headers": [["idempotency-key", "5e"]]},
            "(nothing in the body)\nidempotency-key: k-1 -> 5e\nheaders kept back: host\n",
        ),
        ({"body": None, "headers": []}, "(what left, over 1,048,576 bytes, is not kept; changed:)\n"),
    ],
    ids=["a member more", "as it came", "a hashed header", "too large to be kept"],
)
def test_what_left_is_beside_what_the_app_sent(leaving: dict[str, Any], expected: str) -> None:
    sent = flow(**{LEFT: leaving})
    sent.request.headers = http.Headers(host="here", idempotency_key="k-1")
    text = shown(sent, b'{"input": "Hello"}')
    assert expected in text
    assert "user:\n  Hello" in text


def test_what_an_app_says_with_every_call_comes_behind_what_was_changed() -> None:
    leaving = {"body": b'{"input": "Hello", "store": false}', "headers": []}
    record = {"policy.decision": "allowed", "call.outcome": "served", "caller": "anna"}
    text = shown(flow(sidecar=record, **{LEFT: leaving}), b'{"input": "Hello", "instructions": "%s"}' % (b"Be. " * 999))
    parts = (
        "SERVED",
        "== What the app sent",
        "user:\n  Hello",
        "== What the sidecar changed",
        "== Facts",
        "== In full",
    )
    assert sorted(parts, key=text.index) == list(parts)


def test_a_message_without_a_body_says_so() -> None:
    assert "body:\n  (nothing)\n" in shown(flow(), b"")


def test_no_text_turns_a_line_round() -> None:
    text = shown(flow(), '{"\u202e": 1, "input": "\u202e\x9b31m\u2066 \x7f \N{MAN}\u200d\N{WOMAN}"}'.encode())
    assert "user:\n  ??31m? ? \N{MAN}\u200d\N{WOMAN}" in text
    assert "\n?: 1\n" in text


def test_a_cut_answer_says_so() -> None:
    assert "Kept: the first 2 of 1,000 bytes" in shown(flow(**{CUT: 1000}), b"{}", answer=True)


@pytest.mark.parametrize(
    ("path", "metadata", "wanted"),
    [
        ("/v1/responses", {}, True),
        (f"/{BASE}/chat/completions/?a=b", {}, True),
        (f"{BASE}//embeddings", {}, True),
        ("/other", {"sidecar": {}}, True),
        ("/other", {}, False),
        (f"{BASE}/models", {}, False),
    ],
)
def test_where_it_is_the_first_choice(path: str, metadata: dict[str, Any], wanted: bool) -> None:
    seen = flow(**metadata)
    seen.request.path = path
    assert (VIEW.render_priority(b"", contentviews.Metadata(flow=seen)) > 1) is wanted
    assert VIEW.render_priority(b"", contentviews.Metadata()) < 0


CHAT = b'{"messages": [{"role": "user", "content": "Hello"}]}'
COMPLETION = b'{"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}]}'
CHUNKS = (
    b'data: {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}}]}\n\ndata: [DONE]\n\n'
)
EVENTS = "text/event-stream"


@pytest.mark.parametrize(
    ("path", "data", "answer", "content_type", "expected"),
    [
        ("/chat/completions", CHAT, False, "application/json", "\nuser:\n  Hello\n"),
        ("/chat/completions", COMPLETION, True, "application/json", f"id: c\n{BLANK}\nassistant:\n  Hi\n"),
        ("/chat/completions", CHUNKS, True, EVENTS, f"id: c\nevents: 1\n{BLANK}\nassistant:\n  Hi\n"),
        ("/embeddings", b'{"input": "Hello"}', False, "application/json", "\ninput:\n  Hello\n"),
        (
            "/embeddings",
            b'{"data": [{"embedding": [1, 2]}]}',
            True,
            "application/json",
            "embeddings: 1, of 2 numbers\n",
        ),
        ("/embeddings", b"data: what is that\n\n", True, EVENTS, "\nanswer:\n  data: what is that\n"),
        ("/models", b'{"data": [{"id": "ri.a"}, {"id": "ri.b"}]}', True, "", "\nmodels:\n  ri.a\n  ri.b\n"),
        ("/models", b'{"data": [{"id": 1}]}', True, "", "\nanswer:\n  {data: [{id: 1}]}\n"),
        ("/models", b'{"object": "list"}', True, "application/json", '\nanswer:\n  {object: "list"}\n'),
    ],
)
def test_each_api_by_its_own_reader(path: str, data: bytes, answer: bool, content_type: str, expected: str) -> None:
    seen = flow()
    seen.request.path = BASE + path
    assert expected in shown(seen, data, answer=answer, content_type=content_type)
