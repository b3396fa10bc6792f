"""The threat model names the test that holds each claim; each of them exists, and the README leads there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/threats.md").read_text()
NAMED = sorted(set(re.findall(r"\[`([\w./]+)::(\w+)`\]", PAGE)))
SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_it_names_is_there(file: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_every_barrier_names_one() -> None:
    (barriers,) = (text for text in SECTIONS if text.startswith("What each barrier stops"))
    rows = [line for line in barriers.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    assert [row for row in rows if "::" not in row] == []


def test_it_is_a_page_and_the_readme_leads_to_it() -> None:
    assert len(PAGE.splitlines()) < 75
    assert "(docs/threats.md)" in (ROOT / "README.md").read_text()
