import gzip
import json
import zlib

import brotli
import pytest
import zstandard

from addons.gates.body import LARGE, ReadBody
from tests.gates.calls import call, refused_by, through

GATE = ReadBody(LARGE * 2)
BODY = {"model": "m", "input": "café"}
TEXT = json.dumps(BODY).encode()


@pytest.mark.parametrize(
    ("encoding", "wire"),
    [
        (None, TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        ("GZIP", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("br", brotli.compress(TEXT)),
        ("zstd", zstandard.compress(TEXT)),
    ],
)
def test_read(encoding: str | None, wire: bytes) -> None:
    headers = {"content-encoding": (encoding,)} if encoding else {}
    asked = through(GATE, call(headers, wire_body=wire))
    assert asked.body == TEXT
    assert asked.document == BODY


def test_a_large_body_is_read_too() -> None:
    body = {**BODY, "input": "x" * LARGE}
    assert through(GATE, call(wire_body=json.dumps(body).encode())).document == body


@pytest.mark.parametrize(
    ("encoding", "wire", "refusal"),
    [
        (None, b"", "missing_body"),
        (None, b" \r\n", "missing_body"),
        ("gzip", gzip.compress(b""), "missing_body"),
        ("gzip", TEXT, "invalid_json"),
        ("br", TEXT, "invalid_json"),
        ("gzip", gzip.compress(TEXT)[:-1], "invalid_json"),
        (None, b"[]", "invalid_json"),
        (None, b"null", "invalid_json"),
        (None, b'{"a": 1} {"b": 2}', "invalid_json"),
        (None, b'{"a": 1, "a": 1}', "invalid_json"),
        (None, b'{"a": Infinity}', "invalid_json"),
        (None, b'{"a": "\xff"}', "invalid_json"),
        (None, b'{"a":' * 65 + b"1" + b"}" * 65, "invalid_json"),
        (None, TEXT + b" " * LARGE * 2, "too_large"),
        ("gzip", gzip.compress(TEXT + b" " * LARGE * 2), "too_large"),
        ("zstd", zstandard.compress(TEXT + b" " * LARGE * 2), "too_large"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_refused(encoding: str | None, wire: bytes, refusal: str) -> None:
    headers = {"content-encoding": (encoding,)} if encoding else {}
    given = refused_by(GATE, call(headers, wire_body=wire))
    assert given.name == refusal
    assert "café" not in str(given)
