"""Every key of the configuration is described, and every default says why it is what it is."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from addons.configuration.settings import Settings

SCHEMA = Settings.model_json_schema()
STATED = re.compile(r"\bDefault ([\d,.]+\d|\d)(?: ([KMG])iB)?")
BYTES = {None: 1, "K": 2**10, "M": 2**20, "G": 2**30}
REASON = re.compile(r"\bDefault[^;]*?: \S.{9,}", re.DOTALL)


def properties() -> Iterator[Any]:
    for section, described in {"Settings": SCHEMA, **SCHEMA["$defs"]}.items():
        required = described.get("required", ())
        for key, about in described.get("properties", {}).items():
            yield pytest.param(about, key in required, id=f"{section}.{key}")


def test_there_are_as_many_as_it_looks() -> None:
    assert len(list(properties())) > 120


@pytest.mark.parametrize(("about", "required"), list(properties()))
def test_it_is_described_and_its_default_has_a_reason(about: dict[str, Any], required: bool) -> None:
    description = about.get("description", "")
    assert len(description) > 5
    assert required or REASON.search(description), description


NUMBERS = [each for each in properties() if type(each.values[0].get("default")) in {int, float}]


@pytest.mark.parametrize(("about", "required"), NUMBERS)
def test_a_number_is_the_one_that_its_description_says(about: dict[str, Any], required: bool) -> None:
    stated = STATED.search(about["description"])
    assert not required
    assert stated, about["description"]
    assert float(stated[1].replace(",", "")) * BYTES[stated[2]] == about["default"]
