"""Trace headers of every kind: none is ever refused."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import foundry_sdk
import pytest
from foundry_sdk._core.context_and_environment_vars import SAMPLED_VAR, SPAN_ID_VAR, TRACE_ID_VAR
from foundry_sdk._core.http_client import HttpClient
from hypothesis import given
from hypothesis import strategies as st

from addons.foundry.trace import read_trace

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
HEADERS = ("traceparent", "tracestate", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled")
VALID = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("values", "sampled"),
    [
        ([VALID], True),
        ([f" {VALID}\t"], True),
        ([f"00-{TRACE}-{SPAN}-00"], False),
        ([f"00-{TRACE}-{SPAN}-02"], False),
        ([f"00-{TRACE}-{SPAN}-ff"], True),
        # a version to come is read by what we know of it
        ([f"01-{TRACE}-{SPAN}-01"], True),
        ([f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be"], True),
        ([f"cc-{TRACE}-{SPAN}-01-"], True),
    ],
)
def test_valid_traceparent(values: list[str], sampled: bool) -> None:
    trace = read_trace({"traceparent": values, "tracestate": ["a=1"], "x-b3-traceid": ["1" * 32]})
    assert (trace.trace_id, trace.parent_span_id, trace.sampled) == (TRACE, SPAN, sampled)
    assert (trace.source, trace.tracestate) == ("traceparent", "a=1")


INVALID = [
    [""],
    [VALID, VALID],
    [f"{VALID},{VALID}"],
    [VALID.upper()],
    [f"00-{TRACE.upper()}-{SPAN}-01"],
    [f"00-{'0' * 32}-{SPAN}-01"],
    [f"00-{TRACE}-{'0' * 16}-01"],
    [f"ff-{TRACE}-{SPAN}-01"],
    [f"{VALID}-"],
    [f"{VALID}-more"],
    [f"{VALID}\n"],
    [f"cc-{TRACE}-{SPAN}-01.more"],
    [f"00-{TRACE}-{SPAN}-1"],
    [f"00-{TRACE}-{SPAN}"],
    [f"00-{TRACE[:-1]}-{SPAN}-01"],
    [f"00-{TRACE}-{SPAN[:-1]}-01"],
    [f"0-{TRACE}-{SPAN}-01"],
    [f"00-{TRACE[:-1]}g-{SPAN}-01"],
    [f"00_{TRACE}_{SPAN}_01"],
    ["\u0660\u0660" + VALID[2:]],
]


@pytest.mark.parametrize("values", INVALID)
def test_an_invalid_traceparent_restarts_the_trace_and_drops_its_state(values: list[str]) -> None:
    trace = read_trace({"traceparent": values, "tracestate": ["a=1"]})
    assert trace.source == "new"
    assert (trace.parent_span_id, trace.sampled, trace.tracestate) == (None, None, None)
    assert trace.trace_id != TRACE


@pytest.mark.parametrize("values", INVALID)
def test_an_invalid_traceparent_falls_back_on_b3(values: list[str]) -> None:
    trace = read_trace({"traceparent": values, "tracestate": ["a=1"], "x-b3-traceid": [TRACE]})
    assert (trace.source, trace.trace_id, trace.tracestate) == ("b3", TRACE, None)


MEMBERS_32 = ",".join(f"k{i}=v" for i in range(32))


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        (["a=1", "b=2"], "a=1,b=2"),
        ([" a=1 ,\t b=2 , "], "a=1,b=2"),
        (["a=1,,b=2", ""], "a=1,b=2"),
        (["a=in the middle"], "a=in the middle"),
        (["tenant@vendor=1,0t@v=2"], "tenant@vendor=1,0t@v=2"),
        (["a_-*/9=!~"], "a_-*/9=!~"),
        ([MEMBERS_32], MEMBERS_32),
        (["k" * 256 + "=v"], "k" * 256 + "=v"),
        (["t" * 241 + "@" + "v" * 14 + "=v"], "t" * 241 + "@" + "v" * 14 + "=v"),
        (["a=" + "v" * 256], "a=" + "v" * 256),
        # dropped
        ([], None),
        ([""], None),
        ([",, ,"], None),
        (["a"], None),
        (["a="], None),
        (["=1"], None),
        (["a=1,a=2"], None),
        (["a=1", "a=1"], None),
        ([MEMBERS_32 + ",more=1"], None),
        (["A=1"], None),
        (["0a=1"], None),
        (["a.b=1"], None),
        (["a =1"], None),
        (["@v=1"], None),
        (["t@=1"], None),
        (["t@v@w=1"], None),
        (["k" * 257 + "=v"], None),
        (["t" * 242 + "@v=1"], None),
        (["t@" + "v" * 15 + "=1"], None),
        (["a=" + "v" * 257], None),
        (["a=b=c"], None),
        (["a=\u00e9"], None),
        (["a=x\x7fy"], None),
        (["a=1;b=2\x00"], None),
    ],
)
def test_tracestate_is_kept_whole_or_dropped_alone(values: list[str], kept: str | None) -> None:
    trace = read_trace({"traceparent": [VALID], "tracestate": values})
    assert (trace.trace_id, trace.tracestate) == (TRACE, kept)


@pytest.mark.parametrize(
    ("headers", "trace_id", "parent", "sampled"),
    [
        ({"x-b3-traceid": [TRACE], "x-b3-spanid": [SPAN], "x-b3-sampled": ["1"]}, TRACE, SPAN, True),
        ({"x-b3-traceid": [SPAN]}, "0" * 16 + SPAN, None, None),
        ({"x-b3-traceid": [TRACE.upper()], "x-b3-spanid": [SPAN.upper()]}, TRACE, SPAN, None),
        ({"x-b3-traceid": [TRACE], "x-b3-spanid": ["0" * 16], "x-b3-sampled": ["0"]}, TRACE, None, False),
        ({"x-b3-traceid": [TRACE], "x-b3-spanid": ["short"], "x-b3-sampled": ["TRUE"]}, TRACE, None, True),
        ({"x-b3-traceid": [TRACE], "x-b3-spanid": [SPAN, SPAN], "x-b3-sampled": ["false"]}, TRACE, None, False),
        ({"x-b3-traceid": [TRACE], "x-b3-sampled": ["d"]}, TRACE, None, True),
        ({"x-b3-traceid": [TRACE], "x-b3-sampled": ["maybe"]}, TRACE, None, None),
        ({"x-b3-traceid": [TRACE], "x-b3-sampled": ["1", "0"]}, TRACE, None, None),
    ],
)
def test_b3(headers: dict[str, list[str]], trace_id: str, parent: str | None, sampled: bool | None) -> None:
    trace = read_trace(headers | {"tracestate": ["a=1"]})
    assert (trace.trace_id, trace.parent_span_id, trace.sampled) == (trace_id, parent, sampled)
    assert (trace.source, trace.tracestate) == ("b3", None)


@pytest.mark.parametrize("value", ["", "0" * 16, "0" * 32, TRACE[:-1], TRACE + "0", "g" * 16, f"{TRACE},{TRACE}"])
def test_a_bad_b3_trace_id_is_as_good_as_none(value: str) -> None:
    trace = read_trace({"x-b3-traceid": [value], "x-b3-spanid": [SPAN], "x-b3-sampled": ["1"]})
    assert (trace.source, trace.parent_span_id, trace.sampled) == ("new", None, None)


def test_what_foundrys_python_sdk_sends_is_read() -> None:
    tokens = [
        (TRACE_ID_VAR, TRACE_ID_VAR.set(SPAN)),
        (SPAN_ID_VAR, SPAN_ID_VAR.set(SPAN)),
        (SAMPLED_VAR, SAMPLED_VAR.set("1")),
    ]
    try:
        with HttpClient(foundry_sdk.Config()) as client:
            headers = {name.lower(): (value,) for name, value in client.headers.items()}
    finally:
        for variable, token in tokens:
            variable.reset(token)
    assert "traceparent" not in headers
    trace = read_trace(headers)
    assert (trace.source, trace.trace_id, trace.parent_span_id, trace.sampled) == ("b3", SPAN.zfill(32), SPAN, True)


def test_a_new_trace_id_is_a_time_based_uuid_that_names_no_machine() -> None:
    ids = [uuid.UUID(read_trace({}).trace_id) for _ in range(50)]
    assert {made.version for made in ids} == {1}
    assert {made.variant for made in ids} == {uuid.RFC_4122}
    assert len({made.node for made in ids}) == len(ids)
    assert uuid.getnode() not in {made.node for made in ids}
    assert all(made.node >> 40 & 1 for made in ids)


def test_a_new_trace_id_tells_its_time_as_the_rfc_lays_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of RFC 9562, appendix A.1."""
    moment = int(datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC).timestamp()) * 10**9
    monkeypatch.setattr("addons.foundry.trace.time.time_ns", lambda: moment)
    assert read_trace({}).trace_id.startswith("c232ab00941411ec")


_pieces = st.sampled_from(["00", "cc", "ff", "01", "", TRACE, SPAN, "0" * 32, "0" * 16, "a=1", ",", "-", "="])
_values = st.lists(st.text(max_size=60) | st.lists(_pieces).map("-".join), max_size=3)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(HEADERS, _values)))
def test_never_raises_and_always_gives_ids(headers: Mapping[str, Sequence[str]]) -> None:
    trace = read_trace(headers)
    assert len(trace.trace_id) == 32
    assert int(trace.trace_id, 16) > 0
    assert len(trace.span_id) == 16
    assert int(trace.span_id, 16) > 0
    assert trace.span_id != trace.parent_span_id
