"""A real Chromium, and where its pictures go."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.inspecting.web import ROOT

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")

type Picture = Callable[[Page, str], Path]


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

    def take(page: Page, name: str) -> Path:
        file = ROOT / "screenshots" / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        page.screenshot(path=file)
        return file

    return take
