"""The page of charts in a real browser: it draws, and asks nobody for anything."""

import os
import shutil
import time
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from addons.commands.usage_page import page as charts
from addons.gates.limits_settings import LimitsSettings
from addons.usage.ledger import Ledger
from addons.usage.ledger_file import connect_to_read
from tests.conftest import MODEL
from tests.records import Records

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
LIMITS = LimitsSettings.model_validate({"enrollment": {"default": {"tokens_per_minute": 150}}})


def test_the_charts_are_seen(tmp_path: Path, records: Records) -> None:
    now = time.time()
    ledger = Ledger(tmp_path / "usage.sqlite")
    ledger.start()
    for age in range(0, 600, 20):
        served = {"state": "closed", "decision": "served", "model": MODEL, "caller": "ann", "total_tokens": age}
        ledger.write({"id": str(age), "opened_at": now - age, **served})
    ledger.close()
    connection = connect_to_read(ledger.path)
    file = tmp_path / "usage.html"
    file.write_text(charts(connection, now - 600, now, LIMITS), "utf-8")
    connection.close()

    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, f"none of {', '.join(NAMES)} is on PATH; install one: apt install chromium"
    complaints: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, chromium_sandbox=os.geteuid() != 0)
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        chart = page.locator("figure").first
        line, limit = (chart.locator(".series path.line").nth(number).bounding_box() for number in (0, 1))
        legends = chart.locator(".legends text").all_text_contents()
        browser.close()
    assert legends == ["gpt-5-2", "limit 150"]
    assert line
    assert limit
    assert min(line["width"], limit["width"]) > 500
    assert line["height"] > 100  # it goes up and down
    assert limit["height"] < 10  # it does not
    assert complaints == []
    assert asked == [file.as_uri()]
