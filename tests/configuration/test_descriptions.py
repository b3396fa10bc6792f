"""Every key of the configuration is described, and every default says why it is what it is."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from addons.configuration.settings import Settings
from tests.configuration.descriptions import numbers

SCHEMA = Settings.model_json_schema()
REASON = re.compile(r"\bDefault[^;]*?: \S.{9,}", re.DOTALL)


def properties() -> Iterator[Any]:
    for section, described in {"Settings": SCHEMA, **SCHEMA["$defs"]}.items():
        required = described.get("required", ())
        for key, about in described.get("properties", {}).items():
            yield pytest.param(about, key in required, id=f"{section}.{key}")


def test_there_are_as_many_as_it_looks() -> None:
    assert len(list(properties())) > 120
    assert len(list(numbers(SCHEMA))) >= 40


@pytest.mark.parametrize(("about", "required"), list(properties()))
def test_it_is_described_and_its_default_has_a_reason(about: dict[str, Any], required: bool) -> None:
    description = about.get("description", "")
    assert len(description) > 5
    assert required or REASON.search(description), description


@pytest.mark.parametrize(("default", "told"), [pytest.param(*each, id=key) for key, *each in numbers(SCHEMA)])
def test_a_default_that_is_a_number_is_the_one_that_is_described(default: float, told: float | None) -> None:
    assert default == told


SECTIONS = {"Settings": SCHEMA} | {name: each for name, each in SCHEMA["$defs"].items() if "properties" in each}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_says_what_it_is_for(section: str) -> None:
    assert len(SECTIONS[section].get("description", "")) > 20


@pytest.mark.parametrize("section", SECTIONS)
def test_an_unknown_key_is_an_error_in_every_section(section: str) -> None:
    assert SECTIONS[section]["additionalProperties"] is False
