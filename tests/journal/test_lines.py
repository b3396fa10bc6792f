"""What a line holds, and what becomes of lines whose reader is slow, gone or full."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from addons.journal.lines import LineWriter, json_line
from tests.waiting import LONGEST

HUGE = int("9" * 4300) * 10  # Python writes no more digits than that by itself


class Unwilling:
    def __str__(self) -> NoReturn:
        raise LookupError


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        ({"event": "call", "n": 1, "f": 0.5, "on": True, "list": ["a"]}, None),
        ({"event": "call", "big": 10**30}, None),
        ({"event": "call", "caller": "zoë\u202e\x1b[31m\x7f\x9b"}, None),
        ({"event": "call", "call.id": "1", "tokens": HUGE}, {"event": "call", "call.id": "1"}),
        ({"event": "call", "call.id": "1", "why": Unwilling()}, {"event": "call", "call.id": "1"}),
        ({"event": "call", "call.id": "1", "loop": LOOP}, {"event": "call", "call.id": "1"}),
        ({"event": "call", "call.id": "1", "lone": "\ud800"}, None),
        ({"event": "call", "path": Path("/a")}, {"event": "call", "path": "/a"}),
        ({}, None),
    ],
    ids=["plain", "a large number", "orders to a terminal", "5,000 digits", "no text", "a loop", "half a character",
         "an object", "nothing"],
)  # fmt: skip
def test_a_line_can_always_be_written(event: dict[str, Any], kept: dict[str, Any] | None) -> None:
    line = json_line(event)
    assert line.endswith(b"\n")
    assert line[:-1].isascii()
    assert line[:-1].decode().isprintable()
    written = json.loads(line)
    left_out = written.pop("log.unwritten", [])
    assert written == (event if kept is None else kept)
    assert set(left_out) == event.keys() - written.keys()


@pytest.mark.parametrize("said", [float("nan"), float("inf")])
def test_a_number_that_json_has_not_is_none(said: float) -> None:
    assert json.loads(json_line({"a": said})) == {"a": None}


def told_of(lines: int) -> bytes:
    return b"dropped %d\n" % lines


class Pipe:
    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self._open = {self.reading, self.writing}

    def read(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            found += os.read(self.reading, length - len(found))
        return found

    def rest(self) -> bytes:
        self.close(self.writing)
        found = b""
        while piece := os.read(self.reading, 65536):
            found += piece
        return found

    def close(self, *ends: int) -> None:
        """Both ends where none is named; each once, since its number may soon be another file's."""
        for end in self._open.intersection(ends or self._open):
            self._open.remove(end)
            os.close(end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def test_lines_are_written_in_their_order(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing, told_of)
    lines = [b"%d\n" % number for number in range(1000)]
    for line in lines:
        writer.write(line)
    assert writer.close(LONGEST), writer.failure
    assert writer.dropped == 0
    assert pipe.rest() == b"".join(lines)


def test_lines_of_many_threads_stay_whole(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing, told_of)

    def work(number: int) -> None:
        for _ in range(100):
            writer.write(b"%d\n" % number * 3)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.close(LONGEST), writer.failure
    assert sorted(pipe.rest().splitlines()) == sorted(b"%d" % n for n in range(8) for _ in range(300))


@pytest.mark.parametrize("blocking", [True, False])
def test_a_slow_reader_holds_nobody_up_and_is_told_what_it_missed(pipe: Pipe, blocking: bool) -> None:
    os.set_blocking(pipe.writing, blocking)
    writer = LineWriter(pipe.writing, told_of, held=100_000)
    line = b"x" * 999 + b"\n"
    for _ in range(1000):
        writer.write(line)  # would block for ever, were it written here
    missed = writer.dropped
    assert missed > 800
    written = (1000 - missed) * len(line)
    assert pipe.read(written) == line * (1000 - missed)
    while not writer._lines and writer._waiting:  # it has noticed
        pass
    writer.write(b"after\n")
    assert writer.close(LONGEST), writer.failure
    assert sorted(pipe.rest().splitlines()) == [b"after", b"dropped %d" % missed]
    assert writer.dropped == missed


def test_what_a_slow_reader_never_takes_is_counted_at_the_end(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing, told_of)
    writer.write(b"x" * 1_000_000 + b"\n")
    while writer._lines:
        pass
    writer.write(b"more\n")
    assert not writer.close(0.05)
    assert writer.dropped == 1
    pipe.close(pipe.reading)  # lets the thread go
    writer._thread.join(LONGEST)


@pytest.mark.parametrize("early", [True, False], ids=["asked before", "asked afterwards"])
def test_a_reader_that_is_gone_is_told_at_once(pipe: Pipe, early: bool) -> None:
    writer, told = LineWriter(pipe.writing, told_of), threading.Event()
    reasons: list[str] = []

    def tell(why: str) -> None:
        reasons.append(why)
        told.set()

    if early:
        writer.when_failed(tell)
    pipe.close(pipe.reading)
    writer.write(b"a\n")
    writer._thread.join(LONGEST)
    if not early:
        writer.when_failed(tell)
    assert told.wait(LONGEST)
    assert reasons == ["Broken pipe"] == [writer.failure]
    for _ in range(3):
        writer.write(b"b\n")
    assert writer.dropped == 4
    assert not writer.close()


def test_a_full_disk_likewise() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    writer = LineWriter(descriptor, told_of)
    writer.write(b"a\n")
    writer._thread.join(LONGEST)
    os.close(descriptor)
    assert writer.failure == "No space left on device"
    assert writer.dropped == 1
