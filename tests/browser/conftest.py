"""A real Chromium, and where its pictures go."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.inspecting.web import ROOT

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")


class Picture(Protocol):
    """Takes the picture's name; ``whole`` is the page as far as it can be scrolled."""

    def __call__(self, page: Page, name: str, *, whole: bool = False) -> Path: ...


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, f"none of {', '.join(NAMES)} is on PATH; install one: apt install chromium"
    sandbox = os.geteuid() != 0  # Chromium has none for root
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, chromium_sandbox=sandbox)
        yield opened
        opened.close()


@pytest.fixture
def picture() -> Picture:
    """Writes what a page shows into ``screenshots``, for a person to look at."""

    def take(page: Page, name: str, *, whole: bool = False) -> Path:
        file = ROOT / "screenshots" / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        page.screenshot(path=file, full_page=whole)
        return file

    return take
