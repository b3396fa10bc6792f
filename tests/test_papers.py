"""The papers hold together: what they cite is there, and what code cites of them is there."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from addons.foundry.refusals import KINDS

ROOT = Path(__file__).parent.parent
LISTED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
PAPERS = sorted(name for name in LISTED if name.endswith(".md") and (ROOT / name).is_file())
SOURCES = [name for name in LISTED if name.endswith((".py", ".yaml", ".sh", ".toml", "Dockerfile")) or name == "run.sh"]

CITED = re.compile(r"(?<![\w/])(docs/[\w./-]+?\.md)#([\w-]+)")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([\w-]+))?\)")
TEST = re.compile(r"`(tests/[\w./-]+\.py)(?:::(\w+))?`")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACT = re.compile(r"import contract `([\w-]+)`")
PLANS = re.compile(r"\b(?:SPEC|DESIGN|EXCHANGE|MITMPROXY|SEED)\b(?: §|\.md|\.txt)")
"""Documents that this repository does not have."""


def anchors(paper: Path) -> list[str]:
    """The anchors of a page's headings, as Markdown's readers on the web make them."""
    text = re.sub(r"^```.*?^```", "", paper.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.+?)\s*$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def text_of(name: str) -> str:
    path = ROOT / name
    return path.read_text() if path.is_file() else ""


def citations() -> list[tuple[str, str, str]]:
    return sorted({(name, *found) for name in [*SOURCES, *PAPERS] for found in CITED.findall(text_of(name))})


@pytest.mark.parametrize(("source", "paper", "anchor"), citations())
def test_what_code_cites_is_there(source: str, paper: str, anchor: str) -> None:
    assert (ROOT / paper).is_file(), f"{source} cites {paper}"
    assert anchor in anchors(ROOT / paper), f"{source} cites {paper}#{anchor}"


def test_code_cites_the_contract() -> None:
    assert {paper for _, paper, _ in citations()} >= {"docs/contract.md", "docs/mitmproxy.md"}


@pytest.mark.parametrize("name", PAPERS)
def test_every_heading_has_an_anchor_of_its_own(name: str) -> None:
    found = anchors(ROOT / name)
    if name == "CHANGELOG.md":  # whose form repeats Added, Changed, Removed
        return
    assert sorted(found) == sorted(set(found))


@pytest.mark.parametrize("name", PAPERS)
def test_links_lead_somewhere(name: str) -> None:
    for target, anchor in LINK.findall(text_of(name)):
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), f"{name} links to {target}"
        if anchor:
            assert anchor in anchors(path), f"{name} links to {target}#{anchor}"


@pytest.mark.parametrize("name", PAPERS)
def test_the_tests_a_paper_names_are_there(name: str) -> None:
    for file, function in TEST.findall(text_of(name)):
        assert (ROOT / file).is_file(), f"{name} names {file}"
        if function:
            found = re.search(rf"^(?:async )?def {function}\(", text_of(file), re.MULTILINE)
            assert found, f"{name} names {file}::{function}"


@pytest.mark.parametrize("name", PAPERS)
def test_the_files_a_paper_names_are_there(name: str) -> None:
    if name in {"CHANGELOG.md", "docs/upgrade.md"}:  # which tell of what is gone
        return
    for file in re.findall(r"`((?:addons|deploy|docs|tests)/[\w./-]+)`", text_of(name)):
        assert (ROOT / file).exists(), f"{name} names {file}"


def test_the_architecture_names_every_room_and_every_file_of_the_largest() -> None:
    named = set(re.findall(r"`(\w+)/?`", text_of("docs/ARCHITECTURE.md").partition("\n## The rooms\n")[2]))
    rooms = {path.parent.name for path in (ROOT / "addons").glob("*/__init__.py")}
    files = {path.stem for path in (ROOT / "addons/exchange").glob("*.py")} - {"__init__"}
    assert rooms | files <= named


def test_nothing_points_at_a_plan_that_is_not_here() -> None:
    files = [name for name in [*SOURCES, *PAPERS] if name != "tests/test_papers.py"]
    assert [name for name in files if PLANS.search(text_of(name))] == []


def refusal_rows() -> dict[str, tuple[str, str, str]]:
    """The contract's table of refusals: status, errorName, and whether a client may try again, by name."""
    section = text_of("docs/contract.md").partition("\n## Refusals\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| ")]
    return {name: (row[2], row[3].strip("`"), row[4]) for row in rows[1:] for name in re.findall(r"`(\w+)`", row[1])}


def test_the_contract_has_every_refusal() -> None:
    assert refusal_rows() == {
        name: (
            f"{kind.status}, empty" if kind.empty else str(kind.status),
            kind.error_name or "–",  # noqa: RUF001 - the table's sign for none
            "no" if kind.final else "yes",
        )
        for name, kind in KINDS.items()
    }


def facts() -> dict[str, str]:
    """The paragraphs of the page on mitmproxy, by how they begin; headings, tables and what introduces them aside."""
    _, *sections = text_of("docs/mitmproxy.md").split("\n## ")
    paragraphs = [each.strip() for section in sections for each in section.split("\n\n")[1:]]
    return {each[:60]: each for each in paragraphs if not each.startswith("|")}


@pytest.mark.parametrize("fact", facts().values(), ids=facts())
def test_a_fact_about_mitmproxy_names_the_test_that_shows_it(fact: str) -> None:
    assert all(function for _, function in TEST.findall(fact))
    assert re.search(r"\[`tests/[^]]+`\][.:]$", fact)


def test_the_range_of_mitmproxy_is_the_pinned_one() -> None:
    (pinned,) = (each for each in PROJECT["project"]["dependencies"] if each.startswith("mitmproxy>"))
    assert f"`{pinned.removeprefix('mitmproxy')}`" in text_of("docs/mitmproxy.md")


DECISIONS = [each for each in PAPERS if each.startswith("docs/decisions/")]
HELD_BY_NO_TEST = {"docs/decisions/011-one-process-one-core.md"}
"""Decisions that nothing a test can see would undo. Each says so."""


@pytest.mark.parametrize("paper", DECISIONS)
def test_a_decision_is_one_short_page_in_one_form(paper: str) -> None:
    text = text_of(paper)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Held by", "Cost", "Look again"]
    number = int(Path(paper).name[:3])
    assert text.startswith(f"# {number}. ")
    assert len(text.splitlines()) <= 40


@pytest.mark.parametrize("paper", DECISIONS)
def test_a_decision_names_what_would_fail_if_someone_undid_it(paper: str) -> None:
    """Tests by their names, and import contracts by their ids. That the tests are there is looked at above."""
    held_by = text_of(paper).partition("\n## Held by\n")[2].partition("\n## ")[0]
    tests, contracts = TEST.findall(held_by), CONTRACT.findall(held_by)
    assert all(function for _, function in tests)
    assert set(contracts) <= {each["id"] for each in PROJECT["tool"]["importlinter"]["contracts"]}
    assert bool(tests or contracts) is (paper not in HELD_BY_NO_TEST)
    assert held_by.strip().startswith("No test. ") is (paper in HELD_BY_NO_TEST)


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(Path(name).name[:3]) for name in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


def test_pictures_are_shown_and_small() -> None:
    shown = {name for paper in PAPERS for name in re.findall(r"!\[[^\]]*\]\((?:docs/)?([\w.]+\.png)\)", text_of(paper))}
    files = {path.name: path for path in (ROOT / "docs").glob("*.png")}
    assert shown == set(files)
    assert {name for name, path in files.items() if path.stat().st_size >= 300_000} == set()
