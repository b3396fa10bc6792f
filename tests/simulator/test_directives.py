import dataclasses

import pytest

from addons.simulator.directives import TABLE, DirectiveError, Directives, TokenCounts, listing, read


def test_every_field_is_a_row_and_every_row_a_field() -> None:
    assert [field.name for field in dataclasses.fields(Directives)] == list(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_every_example_changes_its_own_field_alone(name: str) -> None:
    beside = "" if name not in ("code", "retry_after") else "status=400 "
    default = dataclasses.asdict(read(beside))
    found = dataclasses.asdict(read(beside + TABLE[name].example))
    assert {field for field in found if found[field] != default[field]} == {name}


@pytest.mark.parametrize(
    ("line", "directives"),
    [
        ("", Directives()),
        ("  \n", Directives()),
        (
            "status=429 code=rate_limit_exceeded  retry_after=2",
            Directives(status=429, code="rate_limit_exceeded", retry_after=2),
        ),
        ("delay=1.5 cut=0", Directives(delay=1.5, cut=0)),
        ("redirect=https://example.com/?a=b", Directives(redirect="https://example.com/?a=b")),
        ("echo_background echo_tier=flex", Directives(echo_background=True, echo_tier="flex")),
        ("usage=1,2,3,4,5,6", Directives(usage=TokenCounts(1, 2, 3, 4, 5, 6))),
        ("usage=1,2,3,4 echo_store", Directives(usage=TokenCounts(1, 2, 3, 4), echo_store=True)),
    ],
)
def test_read(line: str, directives: Directives) -> None:
    assert read(line) == directives


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("explode", "These exist: status, code,"),
        ("status", "needs a value"),
        ("status=99", "takes 400 to 599"),
        ("status=many", "write 'status=429'"),
        ("delay=-1", "takes 0 to 3600 seconds"),
        ("delay=nan", "takes 0 to 3600 seconds"),
        ("hang=1", "stands alone"),
        ("split=0", "1 or more"),
        ("cut=-1", "0 or more"),
        ("usage=1,2", "four to six numbers"),
        ("usage=1,2,3,4,5,6,7", "four to six numbers"),
        ("redirect=https://\u00e4", "printable ASCII"),
        ("hang hang", "given twice"),
        ("code=x", "write it beside 'status=429'"),
    ],
)
def test_what_cannot_be_read_is_told(line: str, told: str) -> None:
    with pytest.raises(DirectiveError, match=told):
        read(line)


def test_listing_has_a_line_for_each() -> None:
    assert [line.split("=")[0].split()[0] for line in listing().splitlines()] == list(TABLE)
