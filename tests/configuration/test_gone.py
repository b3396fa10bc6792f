"""Whoever comes from an older version is told what to write now."""

from pathlib import Path

import pytest

from addons.configuration import loading
from addons.configuration.errors import ConfigurationError
from addons.configuration.gone import CHANGES, GONE, Change
from addons.configuration.shape import place

UPGRADE = (Path(__file__).parent.parent.parent / "docs" / "upgrade.md").read_text()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.old)
def test_the_page_has_every_row(change: Change) -> None:
    assert f"| {change.kind} | `{change.old}` | {change.now} |\n" in UPGRADE


def test_the_page_has_no_other_rows() -> None:
    assert sum(line.startswith("| ") for line in UPGRADE.splitlines()) == len(CHANGES) + 1


@pytest.mark.parametrize("key", sorted(GONE))
def test_a_key_that_is_gone_is_an_error_that_says_what_to_write(tmp_path: Path, key: str) -> None:
    assert not place(key.split("."))
    file = tmp_path / "sidecar.yaml"
    head = "provider: {regions: {global: {api_key: {env: X}}}}\ncaller: {verifier: development}\n"
    first = key.split(".", maxsplit=1)[0]
    file.write_text(f"{head}{first}: {{lean: false}}\n")
    with pytest.raises(ConfigurationError) as caught:
        loading.load(file)
    assert f"sidecar.yaml:3: {first}: removed in 0.2: {GONE[first].now}" in str(caught.value)
