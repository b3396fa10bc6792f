"""The operator's word for zero data retention: who, when, and where it is written."""

from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from addons.exchange.attestation import Attestation, Attested

FULL = {"by": "Ada Lovelace", "date": "2026-05-01", "reference": "DPA-2026-17"}
TODAY = date(2026, 11, 27)


class Holder(BaseModel):
    word: Attested = None


def read(given: Any) -> Attestation | None:
    return Holder.model_validate({"word": given}).word


@pytest.mark.parametrize("given", ["attested", FULL, None], ids=["the plain word", "who, when and where", "none"])
def test_what_is_written_is_given_back(given: Any) -> None:
    assert Holder.model_validate({"word": given}).model_dump(mode="json") == {"word": given}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("yes", "write attested, or {by: NAME"),
        (True, "write attested, or {by: NAME"),
        ({}, "by and date and reference missing"),
        ({"by": "Ada"}, "date and reference missing"),
        ({**FULL, "reference": None}, "reference missing"),
        ({**FULL, "by": " "}, "one line of printable characters"),
        ({**FULL, "by": "Ada\nattested"}, "one line of printable characters"),
        ({**FULL, "reference": "x" * 201}, "at most 200"),
        ({**FULL, "date": "soon"}, "valid date"),
        ({**FULL, "on": "2026-05-01"}, "Extra inputs"),
    ],
    ids=repr,
)
def test_what_it_can_not_be(given: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        read(given)


@pytest.mark.parametrize(
    ("given", "notes"),
    [
        ("attested", ["names nobody, no day and no reference"]),
        (FULL, []),
        ({**FULL, "date": "2025-11-27"}, []),
        ({**FULL, "date": "2025-11-26"}, ["attested by Ada Lovelace on 2025-11-26, over a year ago"]),
        ({**FULL, "date": "2026-11-28"}, ["yet to come"]),
    ],
    ids=["the plain word", "half a year old", "a year old to the day", "a day older", "of tomorrow"],
)
def test_what_is_to_be_done_about_it(given: Any, notes: list[str]) -> None:
    attestation = read(given)
    assert attestation
    found = list(attestation.notes(TODAY))
    assert len(found) == len(notes)
    for sentence, words in zip(found, notes, strict=True):
        assert words in sentence


def test_it_reads_as_a_sentence() -> None:
    assert str(read(FULL)) == "attested by Ada Lovelace on 2026-05-01 (DPA-2026-17)"
    assert str(read("attested")) == "attested"
