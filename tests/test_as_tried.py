"""What mitmproxy's inner functions must look like to be replaced."""

import pytest
from addons.as_tried import as_tried

from addons import error_pages, reading
from addons.process import connections
from tests.records import Records


def one(server: int, event: str) -> None: ...


@pytest.mark.parametrize(
    ("expected", "same"),
    [
        ([], True),
        ([(one, "(server: int, event: str)")], True),
        ([(one, "(server: int")], True),  # more may follow
        ([(one, "(server: int, event: bytes)")], False),
        ([(one, "(server: int"), (one, "(other")], False),
    ],
)
def test_signatures(records: Records, expected: object, same: bool) -> None:
    assert as_tried(expected, "left_alone") is same  # type: ignore[arg-type]  # a list of pairs, as it must be
    assert len(records.of("left_alone")) == (not same)


@pytest.mark.parametrize("part", [error_pages, reading, connections])
def test_mitmproxy_is_as_it_was_tried(records: Records, part: object) -> None:
    assert as_tried(part.EXPECTED, "left_alone")  # type: ignore[attr-defined]  # each module has it
    assert records.of("left_alone") == []
