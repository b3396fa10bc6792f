"""The table of request headers has a row for each that the contract names, and no other."""

import re
from pathlib import Path

from addons.foundry.request_headers import FORWARDED, HEADERS

CONTRACT = (Path(__file__).parent.parent.parent / "docs/contract.md").read_text()


def named(heading: str) -> set[str]:
    """The headers in the first column of a section's table."""
    section = CONTRACT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return {name.lower() for cell in cells for name in re.findall(r"`([\w-]+)`", cell)}


def test_each_header_of_the_contract_has_a_row() -> None:
    headers = named("Request headers") | named("Trace context") | {"attribution"}
    assert len(headers) > len(FORWARDED)
    assert HEADERS.keys() == headers | {"*"}
