"""The lists of what is installed, and the installing itself."""

import json
from pathlib import Path

import pytest

from tests.clients.installed import HERE, install_once


@pytest.mark.parametrize(
    "name",
    [
        *(f"{name}.{kind}" for name in ("frameworks", "openai_1", "openai_2") for kind in ("in", "txt")),
        "package.json",
        "package-lock.json",
    ],
)
def test_lists_carry_no_addresses(name: str) -> None:
    assert "://" not in (HERE / name).read_text().replace('"url": "https://github.com/sponsors/', "")


def test_every_package_of_the_lock_file_is_held_to_a_hash() -> None:
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    assert len(packages) > 40
    assert [name for name, package in packages.items() if name and not package.get("integrity")] == []


def test_what_is_asked_for_is_pinned() -> None:
    asked = json.loads((HERE / "package.json").read_text())["dependencies"]
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    assert asked == {name: packages[f"node_modules/{name}"]["version"] for name in asked}


def test_installed_once_and_again_when_the_list_changes(tmp_path: Path) -> None:
    target, pins = tmp_path / "target", tmp_path / "pins"
    target.mkdir()
    done: list[str] = []
    for content in ("one", "one", "two", "two"):
        pins.write_text(content)
        install_once(target, pins, lambda content=content: done.append(content))  # type: ignore[misc]  # bound now
    assert done == ["one", "two"]


def test_an_installation_that_failed_is_tried_again(tmp_path: Path) -> None:
    pins = tmp_path / "pins"
    pins.write_text("one")
    done: list[str] = []

    def fail() -> None:
        raise RuntimeError("no registry")

    with pytest.raises(RuntimeError, match="no registry"):
        install_once(tmp_path, pins, fail)
    install_once(tmp_path, pins, lambda: done.append("again"))
    assert done == ["again"]
