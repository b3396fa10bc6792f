"""The cassette's file: what is written is read again, and what is wrong is named with its line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.cassettes.cassette import CassetteError, Header, RecordedAnswer, RecordedCall, encode_line, read
from tests.values.odd_files import ODD_FILES, put

HEADER = Header(content="kept", salt="00")
CALL = RecordedCall(
    request={"model": "gpt-5.2", "input": "Grüezi \u2028 \ud800", "n": 1e300},
    answer=RecordedAnswer(
        status=200, headers=(("a", "b"),), began=1.5, pieces=((2.0, "ü\n\n"), (3.0, "\u2028")), ended="whole"
    ),
)


def test_round(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_bytes(encode_line(HEADER) + encode_line(CALL) + encode_line(CALL))
    cassette = read(file)
    assert (cassette.name, cassette.header) == (str(file), HEADER)
    assert cassette.calls == {2: CALL, 3: CALL}


def changed(**members: object) -> str:
    return json.dumps({**json.loads(encode_line(CALL)), **members})


@pytest.mark.parametrize(
    ("third", "told"),
    [
        ("{not JSON", "calls.jsonl:3: not JSON"),
        ('{"request": {}}', "calls.jsonl:3: answer: Field required"),
        (changed(request=[]), "calls.jsonl:3: request"),
        (changed(answer={"status": 99, "began": 0, "ended": "whole"}), "calls.jsonl:3: answer.status"),
        (changed(answer={"status": 200, "began": 0, "ended": "never"}), "calls.jsonl:3: answer.ended"),
        (changed(answer={"status": 200, "began": float("inf"), "ended": "whole"}), "calls.jsonl:3: answer.began"),
        (changed(answer={"status": 200, "began": 0, "ended": "whole", "pieces": [[float("nan"), ""]]}), ":3: answer"),
        (changed(answer={"status": 200, "began": 0, "ended": "whole", "pieces": [[0, "\ud800"]]}), ":3: answer"),
        (changed(more=1), "calls.jsonl:3: more"),
        ("[" * 100_000, "calls.jsonl:3: not JSON"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, third: str, told: str) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_bytes(encode_line(HEADER) + encode_line(CALL) + third.encode() + b"\n")
    with pytest.raises(CassetteError) as raised:
        read(file)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda file: None, "can't be read"),
        (lambda file: file.write_bytes(b""), "begins with its header"),
        (lambda file: file.write_bytes(b"\xff"), "is not UTF-8 text"),
        (lambda file: file.write_bytes(encode_line(CALL)), "calls.jsonl:1: content"),
        (lambda file: file.write_text('{"cassette": 2, "content": "kept", "salt": ""}'), "calls.jsonl:1: cassette"),
    ],
)
def test_no_cassette(tmp_path: Path, make: Callable[[Path], object], told: str) -> None:
    file = tmp_path / "calls.jsonl"
    make(file)
    with pytest.raises(CassetteError) as raised:
        read(file)
    assert told in str(raised.value)


@pytest.mark.parametrize(("make", "why"), ODD_FILES.values(), ids=ODD_FILES)
def test_an_odd_file_in_the_place_of_a_cassette(tmp_path: Path, make: Callable[[Path], object], why: str) -> None:
    file = tmp_path / "calls.jsonl"
    put(make, file)
    with pytest.raises(CassetteError, match=why if why != "is larger than" else "is larger than|not JSON|its header"):
        read(file)
