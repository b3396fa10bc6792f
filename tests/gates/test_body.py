import gzip
import json
import zlib

import brotli
import pytest
import zstandard

from addons.apis.policy_settings import PolicySettings
from addons.gates.body import LARGE, ReadBody
from addons.gates.body_bytes import BodyBytes
from tests.gates.calls import call, refused_by, through

MAX_JSON_VALUES = PolicySettings().max_json_values
GATE = ReadBody(LARGE * 2, MAX_JSON_VALUES)
BODY = {"model": "m", "input": "café"}
TEXT = json.dumps(BODY).encode()


def zipped(content: bytes) -> bytes:
    """Gzip without the time, which would give the tests other names in each process."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("encoding", "wire"),
    [
        (None, TEXT),
        ("identity", TEXT),
        ("gzip", zipped(TEXT)),
        ("GZIP", zipped(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("br", brotli.compress(TEXT)),
        ("zstd", zstandard.compress(TEXT)),
        ("x-gzip", zipped(TEXT)),
        ("gzip", zipped(TEXT[:9]) + zipped(TEXT[9:])),
        ("zstd", zstandard.compress(TEXT[:9]) + zstandard.compress(TEXT[9:])),
        (" , gzip", zipped(TEXT)),
    ],
)
def test_read(encoding: str | None, wire: bytes) -> None:
    headers = {"content-encoding": (encoding,)} if encoding else {}
    asked = through(GATE, call(headers, wire_body=wire))
    assert asked.body == TEXT
    assert asked.document == BODY
    assert asked.wire_body == b"", "held once, not twice"


def test_a_large_body_is_read_too() -> None:
    body = {**BODY, "input": "x" * LARGE}
    assert through(GATE, call(wire_body=json.dumps(body).encode())).document == body


@pytest.mark.parametrize(
    ("encoding", "wire", "refusal"),
    [
        (None, b"", "missing_body"),
        (None, b" \r\n", "missing_body"),
        ("gzip", zipped(b""), "missing_body"),
        ("gzip", TEXT, "invalid_json"),
        ("br", TEXT, "invalid_json"),
        ("gzip", zipped(TEXT)[:-1], "invalid_json"),
        (None, b"[]", "invalid_json"),
        (None, b"null", "invalid_json"),
        (None, b'{"a": 1} {"b": 2}', "invalid_json"),
        (None, b'{"a": 1, "a": 1}', "invalid_json"),
        (None, b'{"a": Infinity}', "invalid_json"),
        (None, b'{"a": "\xff"}', "invalid_json"),
        (None, b'{"a":' * 65 + b"1" + b"}" * 65, "invalid_json"),
        (None, TEXT + b" " * LARGE * 2, "too_large"),
        ("gzip", zipped(TEXT + b" " * LARGE * 2), "too_large"),
        ("zstd", zstandard.compress(TEXT + b" " * LARGE * 2), "too_large"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_refused(encoding: str | None, wire: bytes, refusal: str) -> None:
    headers = {"content-encoding": (encoding,)} if encoding else {}
    given = refused_by(GATE, call(headers, wire_body=wire))
    assert given.name == refusal
    assert "café" not in str(given)


def test_a_body_may_be_as_large_as_the_setting_says() -> None:
    assert through(ReadBody(len(TEXT), MAX_JSON_VALUES), call(wire_body=TEXT)).body == TEXT
    assert refused_by(ReadBody(len(TEXT) - 1, MAX_JSON_VALUES), call(wire_body=TEXT)).name == "too_large"


@pytest.mark.parametrize(
    ("encoding", "wire", "total", "refusal", "decoded"),
    [
        pytest.param("gzip", zipped(TEXT), len(TEXT), None, len(TEXT), id="as many bytes as are left"),
        pytest.param("gzip", zipped(TEXT), len(TEXT) - 1, "bodies_full", 0, id="one byte too few"),
        pytest.param("identity", TEXT, 0, None, 0, id="a body as it was sent is held by whoever read it"),
    ],
)
def test_what_a_body_is_decoded_to_takes_bytes_of_all_bodies(
    encoding: str, wire: bytes, total: int, refusal: str | None, decoded: int
) -> None:
    budget = BodyBytes(total)
    gate = ReadBody(LARGE, MAX_JSON_VALUES, budget)
    asked = call({"content-encoding": (encoding,)}, wire_body=wire)
    if refusal:
        assert refused_by(gate, asked).name == refusal
    else:
        assert through(gate, asked).body == TEXT
    assert (asked.decoded_bytes, budget.taken) == (decoded, decoded)


OVER_8_MIB = b'{"input": "' + b"a" * 9 * 2**20 + b'"}'


@pytest.mark.parametrize(
    ("encoding", "wire", "refusal", "says"),
    [
        pytest.param("br", brotli.compress(OVER_8_MIB), "compressed_too_much", "1000 times", id="a bomb by its ratio"),
        pytest.param("zstd", zstandard.compress(OVER_8_MIB), "compressed_too_much", "1000 times", id="one of zstd"),
        pytest.param("gzip", zipped(b" ") * 1001, "compressed_too_much", "1000 compressed parts", id="members"),
        pytest.param("gzip", zipped(OVER_8_MIB + b"[" * 2**25), "too_large", "max_body_bytes", id="by its size"),
        pytest.param("x-gzip", TEXT, "invalid_json", "not valid gzip data", id="none at all"),
        pytest.param("gzip", zipped(TEXT) + b"\0", "invalid_json", "not valid gzip data", id="junk behind it"),
        pytest.param("deflate", zlib.compress(TEXT) * 2, "invalid_json", "not valid deflate data", id="two of zlib's"),
    ],
)
def test_how_a_body_may_not_be_packed(encoding: str, wire: bytes, refusal: str, says: str) -> None:
    given = refused_by(ReadBody(32 * 2**20, MAX_JSON_VALUES), call({"content-encoding": (encoding,)}, wire_body=wire))
    assert given.name == refusal
    assert says in given.message


def flood(count: int) -> bytes:
    return b'{"input": [' + b"{}," * count + b"0]}"


@pytest.mark.parametrize(
    ("encoding", "wire"),
    [
        pytest.param("identity", flood(MAX_JSON_VALUES // 2), id="objects"),
        pytest.param("identity", b"[" + b"0," * MAX_JSON_VALUES, id="not even JSON"),
        pytest.param("gzip", zipped(flood(MAX_JSON_VALUES * 2)), id="compressed"),
        pytest.param("deflate", zlib.compress(flood(MAX_JSON_VALUES * 2)), id="in deflate"),
        pytest.param("br", brotli.compress(flood(MAX_JSON_VALUES * 2), quality=5), id="in br"),
        pytest.param("zstd", zstandard.compress(flood(MAX_JSON_VALUES * 2)), id="in zstd"),
    ],
)
def test_too_many_values(encoding: str, wire: bytes) -> None:
    given = refused_by(ReadBody(32 * 2**20, MAX_JSON_VALUES), call({"content-encoding": (encoding,)}, wire_body=wire))
    assert (given.name, given.decided_by) == ("too_many_values", "policy.max_json_values")
    assert str(MAX_JSON_VALUES) in given.message


def test_as_many_values_as_the_setting_says() -> None:
    gate = ReadBody(LARGE, max_json_values=103)  # 50 empty objects, a number, the list, the body
    assert len(through(gate, call(wire_body=flood(50))).document["input"]) == 51
    assert refused_by(gate, call(wire_body=flood(51))).name == "too_many_values"
