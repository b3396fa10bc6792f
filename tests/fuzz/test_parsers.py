"""The small readers of headers, targets, streams and errors, each against a second reading of the same rule."""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from addons.bodies.answer_stream import AnswerStream
from addons.chat_completions.stream import ChunkStream
from addons.foundry.attribution import MAX_RESOURCES, MAX_RID_LENGTH, read_attribution
from addons.foundry.envelope import render
from addons.foundry.paths import PATH
from addons.foundry.provider_errors import refusal_for
from addons.foundry.refusals import KINDS, Refusal
from addons.foundry.trace import read_trace
from addons.gates.caller import BEARER
from addons.gates.route import Route
from addons.responses.stream import EventStream
from tests.gates.calls import call

PIECES = st.sampled_from(
    ["ri", ".", "..", "a", "A", "-", "_", "0", "compass", "main", " ", ",", "\t", "é", "\x00", "%2f"]
)
RIDS = st.sampled_from(
    ["ri.a..b.C", "ri.compass.main.folder.x-Y_1.2", "ri.a.b.c.d.e", "ri..a.b.c", "ri.a.b..c", "RI.a.b.c.d"]
)


def is_rid(text: str) -> bool:
    """By the words of the grammar, part by part."""
    parts = text.split(".", 4)
    if len(parts) != 5 or parts[0] != "ri":
        return False
    small = "abcdefghijklmnopqrstuvwxyz"
    rest = set(small + "0123456789-")

    def word(part: str, first: str) -> bool:
        return bool(part) and part[0] in first and set(part) <= rest

    locator = set(small + small.upper() + "0123456789._-")
    return (
        word(parts[1], small) and (not parts[2] or word(parts[2], small + "0123456789")) and word(parts[3], small)
        and bool(parts[4]) and set(parts[4]) <= locator
    )  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.lists(PIECES | RIDS, max_size=6).map("".join), max_size=3))
def test_attribution(values: list[str]) -> None:
    named = [part for part in (part.strip(" \t") for value in values for part in value.split(",")) if part]
    good = all(is_rid(part) and len(part) <= MAX_RID_LENGTH for part in named) and len(set(named)) <= MAX_RESOURCES
    try:
        found = read_attribution(values)
    except Refusal as refused:
        assert refused.name == "invalid_attribution"  # noqa: PT017 - or none at all
        assert not good
    else:
        assert good
        assert list(found) == list(dict.fromkeys(named))


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(["Bearer", "bearer", " ", "a", "~", "+", "/", "=", "=a", ",", "\x00", "é", "\n"]), max_size=8
    )
)
def test_bearer(pieces: list[str]) -> None:
    text = "".join(pieces)
    scheme, space, token = text.partition(" ")
    token = token.lstrip(" ")
    kept = token.rstrip("=")
    good = (
        scheme.lower() == "bearer" and bool(space) and bool(kept)
        and all(c.isascii() and (c.isalnum() or c in "-._~+/") for c in kept)
    )  # fmt: skip
    assert bool(BEARER.fullmatch(text)) == good


HEX = st.sampled_from(["0" * 32, "1" * 32, "a" * 16, "A" * 32, "0" * 16, "b" * 16, "00", "01", "ff", "-", "g", "é", ""])


@settings(max_examples=300)
@given(
    st.lists(HEX, max_size=9).map("".join),
    st.lists(st.sampled_from(["a=b", ",", "a", "=", "A=b", "é", " "]), max_size=6).map("".join),
)
@example("00-" + "1" * 32 + "-" + "b" * 16 + "-01", "a=b")
@example("01-" + "1" * 32 + "-" + "b" * 16 + "-01-more", "a=b,a=c")
def test_trace(parent: str, state: str) -> None:
    trace = read_trace({"traceparent": (parent,), "tracestate": (state,)})
    version, *ids = parent[:55].split("-")
    good = (
        len(parent[:55]) == 55 and [len(part) for part in (version, *ids)] == [2, 32, 16, 2]
        and set("".join((version, *ids))) <= set("0123456789abcdef") and version != "ff"
        and bool(set(ids[0]) - {"0"}) and bool(set(ids[1]) - {"0"})
        and (len(parent) == 55 or (version != "00" and parent[55] == "-"))
    )  # fmt: skip
    assert (trace.source == "traceparent") == good
    assert re.fullmatch("[0-9a-f]{32}", trace.trace_id)
    if good:
        assert (trace.trace_id, trace.parent_span_id) == (ids[0], ids[1])
    assert trace.tracestate is None or (good and trace.tracestate.count("a=") == 1)


TARGETS = st.lists(
    st.sampled_from(
        [*PATH.split("/"), "/", "//", ".", "..", "%2f", "%2F", "%5c", ";", "\\", "?", "#", "%00", "x", "R"]
    ),
    max_size=6,
).map(lambda pieces: "/" + "/".join(pieces)) | st.sampled_from(
    [PATH, PATH + "/", "/" + PATH, PATH + "?a=b", PATH + "//", PATH + "/x"]
)


@settings(max_examples=400)
@given(TARGETS)
def test_route(target: str) -> None:
    """Served is the path alone, slashes counted once and one at the end let go."""
    path = target.split("?", maxsplit=1)[0]
    plain = "/".join(["", *filter(None, path.split("/"))])
    asked = call({"host": ("localhost",)}, target=target)
    try:
        Route({"localhost"})(asked)
    except Refusal as refused:
        assert refused.name in {"not_found", "bad_target", "wrong_path"}  # noqa: PT017 - or none at all
        assert plain != PATH
    else:
        assert plain == PATH


STREAM = st.lists(
    st.sampled_from([
        b"data: {}\n\n", b"event: x\r\ndata: y\r\n\r\n", b": comment\n\n", b"data", b"\n", b"\r", b"\r\n", b"\xff\xfe",
        b"event: response.completed\n", b'data: {"type":"response.completed","response":{"id":"r","usage":{}}}\n\n',
        b'data: {"type":"error","code":"c"}\r\n\r\n', b'data: {"type":"response.created","response":{"id":"r"}}\n\n',
        b"data: [DONE]\n\n", b"data: {\ndata: }\n\n", b'data: {"id":"c","choices":[{"index":0}],"usage":null}\n\n',
        b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":1}}\n\n', b'data: {"error":{"code":"c"}}\n\n',
        b"data: " + b"x" * 100,
    ]),
    max_size=8,
).map(b"".join)  # fmt: skip


@pytest.mark.parametrize(
    "make", [EventStream, partial(ChunkStream, shows_usage=True)], ids=["responses", "chat completions"]
)
@settings(max_examples=300)
@given(stream=STREAM, sizes=st.lists(st.integers(1, 9), min_size=1))
def test_a_stream_however_it_is_cut(make: Callable[[], AnswerStream], stream: bytes, sizes: list[int]) -> None:
    """The same is seen whatever pieces it comes in."""
    whole, cut = make(), make()
    assert whole.feed(stream) + whole.end() == stream
    at, turn, passed = 0, 0, b""
    while at < len(stream):
        passed += cut.feed(stream[at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
    assert passed + cut.end() == stream
    assert (whole.finished, whole.facts, whole.events) == (cut.finished, cut.facts, cut.events)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "code", "message", "type"]), inner)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("shape", ["json", "bytes"])
@settings(max_examples=200)
@given(
    status=st.integers(100, 599), value=JSON, junk=st.binary(max_size=40),
    headers=st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-a", "set-cookie"]), st.text(max_size=8)),
)  # fmt: skip
def test_a_providers_error(shape: str, status: int, value: Any, junk: bytes, headers: dict[str, str]) -> None:
    """Whatever it says becomes a refusal of a known kind, in an envelope that can be read, and never a 401."""
    body = json.dumps(value).encode() if shape == "json" else junk
    outcome = refusal_for(status, headers, body, "ri.a..b.c")
    assert outcome.refusal.name in KINDS
    told, sent, text = render(outcome.refusal)
    assert told == KINDS[outcome.refusal.name].status
    assert told not in {401, 403}
    assert "set-cookie" not in sent
    json.loads(text)
    if status in {401, 403}:
        assert outcome.refusal.name in {"provider_credentials", "provider_quota"}
