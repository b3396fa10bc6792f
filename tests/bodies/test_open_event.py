"""A large event that is read while it passes: its name, its data, and what ends it, wherever it is cut."""

import pytest

from addons.bodies.open_event import OpenEvent

ERROR, EVENT = b'{"error":"ours"}', b"event: error\n\n"


def read(passed: bytes, size: int = 0) -> OpenEvent:
    """``size``: of the pieces; 0 for one."""
    event = OpenEvent({"a": None})
    for at in range(0, len(passed), size or len(passed)):
        event.feed(passed[at : at + (size or len(passed))])
    return event


@pytest.mark.parametrize("size", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("passed", "name", "document"),
    [
        (b'event: x\ndata: {"a": 1}', "x", b'{"a":1}'),
        (b'event:x\r\ndata:{"a": 1}', "x", b'{"a":1}'),
        (b'event: x\rid: 7\rdata: {"a": 1}', "x", b'{"a":1}'),
        (b'event: x\nevent: y\ndata: {"a": 1}\nevent\n', "", b'{"a":1}'),
        (b'event: x\ndata: {"a":\ndata: 1}\nid: 7\n', "x", b'{"a":1}'),
        (b'data: {"a": 1\ndata:2}', "", None),  # the lines are joined by a line feed, and so no number
        (b'data: {"a": 1,\ndata\ndata: "b": 2}', "", b'{"a":1}'),
        (b': data: {"a": 1}\nevents: x\n', "", None),
        (b'event: \xff\ndata: {"a": 1}', "\N{REPLACEMENT CHARACTER}", b'{"a":1}'),
    ],
)
def test_what_is_read_of_it(passed: bytes, name: str, document: bytes | None, size: int) -> None:
    event = read(passed, size)
    assert event.name == name
    assert (event.data.document() if event.data.complete and not event.data.unread else None) == document
    assert event.has_data == (b"\ndata" in passed.replace(b"\r", b"\n") or passed.startswith(b"data"))


@pytest.mark.parametrize("length", [126, 127, 128, 1000])
def test_a_name_is_bounded(length: int) -> None:
    assert len(read(b"event: " + b"x" * length, 1).name) == min(length, 127)


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(
    ("passed", "ending"),
    [
        (b'data: {"a": 1', b',"error":"ours"}\n\n'),
        (b'data: {"a": 1,\n', b'data: "":null,"error":"ours"}\n\n'),
        (b'data: {"a": 1,\r', b'data: "":null,"error":"ours"}\n\n'),
        (b'data: {"a": 1,\nid: 7', b'\ndata: "":null,"error":"ours"}\n\n'),
        (b'data: {"a": 1}', b"\n\n" + EVENT),
        (b'data: {"a": 1}\n', b"\n" + EVENT),
        (b'data: {"a": 1}\r', b"\n\n" + EVENT),
        (b'data: {"a": 1}\r\n', b"\n" + EVENT),
        (b"data: [1", b"\n\n" + EVENT),
    ],
)
def test_what_ends_it(passed: bytes, ending: bytes, size: int) -> None:
    assert read(passed, size).ending(ERROR, EVENT) == ending
