"""The usage page in a real browser: what it draws and sums up, of which period; it asks nobody for anything."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from addons.commands.usage_page import page as written
from addons.gates.limits_settings import LimitsSettings
from addons.usage.ledger_file import connect_to_read
from addons.usage.ledger_tables import projects
from addons.usage.ledger_writer import LedgerWriter
from tests.browser.conftest import Picture
from tests.conftest import MODEL
from tests.records import Records

pytestmark = pytest.mark.browser

NOW: Final = time.time() // 3600 * 3600
HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
PROJECT: Final = "ri.compass.main.folder.claims"
NAME: Final = "</script><img src=x onerror=alert(1)><b>bob</b>"
OTHER_MODEL: Final = "ri.language-model-service..language-model.gpt-5-2-mini"
LIMITS: Final = LimitsSettings.model_validate(
    {
        "user": {"ann": {MODEL: {"tokens_per_minute": 2_000}}},
        "budgets": {"enrollment": {"day": {"tokens": 90_000}}, "user": {"default": {"month": {"money": 0.2}}}},
    }
)
TOKENS: Final = [400 + 100 * ((half_hour * half_hour * 7) % 13) for half_hour in range(48)]
"""Of ann's calls, the youngest first."""

SHAPES: Final = "node => node.layout.shapes.length"
SUMS: Final = "node => node.data.map(each => each.y.reduce((sum, one) => sum + one, 0))"
TOPS: Final = "node => node.data.map(each => each.y.at(-1))"
TICKS: Final = """node => [...node.querySelectorAll(".ytick text")].map(each => each.textContent.replaceAll(",", ""))"""
TOO_WIDE: Final = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Opened:
    """A page in the browser, and what it complained of and asked for meanwhile."""

    def __init__(self, browser: Browser, scheme: Literal["light", "dark"], width: int) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def go(self, file: Path) -> Page:
        self.page.goto(file.as_uri())
        return self.page


@pytest.fixture
def ledger(tmp_path: Path, records: Records) -> Iterator[LedgerWriter]:
    ledger = LedgerWriter(tmp_path / "usage.sqlite")
    ledger.start()
    yield ledger
    ledger.close()


def write(ledger: LedgerWriter, age: float, tokens: int = 1_000, **columns: Any) -> None:
    served = {"state": "closed", "decision": "allowed", "outcome": "served", "model": MODEL, "caller": "ann"}
    counts = {"input_tokens": tokens - 200, "cached_tokens": 300, "output_tokens": 200, "total_tokens": tokens}
    cost = {"cost": tokens / 200_000}
    ledger.write({"id": f"{age} {columns}", "opened_at": NOW - age, **served, **counts, **cost, **columns})


def fill(ledger: LedgerWriter, other: str = "grace") -> None:
    """A day's work: 48 calls of ann's for a project, 24 of another caller's, two that went wrong."""
    for half_hour in range(48):
        write(ledger, half_hour * HOUR / 2 + 60, TOKENS[half_hour], projects=projects((PROJECT,)))
    for hour in range(24):
        write(ledger, hour * HOUR + 90, caller=other, model=OTHER_MODEL)
    write(ledger, HOUR + 30, outcome="truncated")
    nothing: dict[str, Any] = dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens", "total_tokens", "cost"))
    write(ledger, 2 * HOUR + 30, decision="refused", outcome="refused", **nothing)


def laid(ledger: LedgerWriter, seconds: float = DAY) -> Path:
    ledger.close()
    connection = connect_to_read(ledger.path)
    file = ledger.path.with_name("usage.html")
    file.write_text(written(connection, NOW - seconds, NOW, LIMITS), "utf-8")
    connection.close()
    return file


def total(page: Page) -> list[str]:
    return page.locator("#used tfoot td").all_text_contents()[3:]


def chart(page: Page, title: str) -> Any:
    return page.locator("figure", has=page.locator(f"h2:text-is('{title}')")).locator(".chart")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_says_who_used_what(
    browser: Browser, ledger: LedgerWriter, picture: Picture, scheme: Literal["light", "dark"]
) -> None:
    fill(ledger)
    opened = Opened(browser, scheme, 1280)
    page = opened.go(file := laid(ledger))
    tokens = sum(TOKENS) + 25_000
    assert total(page)[:6] == ["74", "1", "1", f"{tokens - 73 * 200:,}", "21,900", "14,600"]
    assert float(total(page)[6]) == round(tokens / 200_000, 4)
    rows = page.locator("#used tbody tr")
    assert rows.locator("td").all_text_contents()[:4] == ["ann", PROJECT, "gpt-5-2", "48"]
    expect(rows).to_have_count(3)
    background = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 19, 24)"}[scheme]
    picture(page, f"usage {scheme}", whole=True)
    assert opened.complaints == []
    assert opened.asked == [file.as_uri()]
    page.close()


def test_the_charts_hold_the_asked_for_period_in_whole_numbers(browser: Browser, ledger: LedgerWriter) -> None:
    fill(ledger)
    page = Opened(browser, "light", 1280).go(laid(ledger))
    assert page.locator("figure h2").all_text_contents() == ["Tokens", "Requests that left", "Cost", "How calls ended"]
    tokens, requests = chart(page, "Tokens"), chart(page, "Requests that left")
    assert tokens.evaluate(SUMS) == [sum(TOKENS) + 1_000, 24_000]
    assert requests.evaluate(SUMS) == [49, 24]
    assert tokens.evaluate("node => node.data[0].x.length") == 48
    assert tokens.evaluate("node => node.layout.barmode") == "stack"
    for each in (tokens, requests, chart(page, "How calls ended")):
        ticks = each.evaluate(TICKS)
        assert len(ticks) > 1
        assert [tick for tick in ticks if not tick.isdigit()] == []
    ends = chart(page, "How calls ended").evaluate("node => node.data.map(each => each.name)")
    assert ends == ["served", "failed", "refused"]
    page.close()


def test_what_callers_chose_stays_text(browser: Browser, ledger: LedgerWriter) -> None:
    fill(ledger, NAME)
    opened = Opened(browser, "light", 1280)
    page = opened.go(laid(ledger))
    page.select_option("#rows", "caller")
    assert page.locator("#used tbody tr td:first-child").all_text_contents() == ["ann", NAME]
    page.select_option("#by", "caller")
    assert "<img src=x onerror=alert(1)><b>bob</b>" in chart(page, "Tokens").locator(".legend").text_content()
    assert page.locator("img, figure b").count() == 0
    assert opened.complaints == []
    page.close()


def test_lines_are_drawn_where_a_limit_holds_for_all_that_is_shown(browser: Browser, ledger: LedgerWriter) -> None:
    fill(ledger)
    page = Opened(browser, "light", 1280).go(laid(ledger))
    tokens = chart(page, "Tokens")
    assert tokens.evaluate(SHAPES) == 0
    page.select_option("#caller", label="ann")
    assert "limit: 2,000 a minute, 60,000 in 30 min, far above" in str(page.locator("figure").first.text_content())
    page.select_option("#span", str(int(HOUR)))
    assert tokens.evaluate(SHAPES) == 1
    assert "limit: 2,000 a minute" in tokens.text_content()
    page.select_option("#caller", "")
    page.select_option("#span", "all")
    page.select_option("#shown", "day")
    assert tokens.evaluate(SHAPES) == 1
    assert "budget of the day: 90,000" in tokens.text_content()
    page.close()


def test_a_running_total_is_the_same_from_wherever_one_looks(browser: Browser, ledger: LedgerWriter) -> None:
    fill(ledger)
    page = Opened(browser, "light", 1280).go(laid(ledger))
    page.select_option("#shown", "month")
    tokens = chart(page, "Tokens")
    whole = tokens.evaluate(TOPS)
    page.select_option("#span", str(int(HOUR)))
    assert tokens.evaluate(TOPS) == whole
    page.close()


def test_the_period_is_chosen_in_the_page(browser: Browser, ledger: LedgerWriter) -> None:
    fill(ledger)
    page = Opened(browser, "light", 1280).go(laid(ledger))
    page.select_option("#span", str(int(6 * HOUR)))
    assert total(page)[0] == "20"
    page.locator("#until").fill(time.strftime("%Y-%m-%dT%H:%M", time.gmtime(NOW - 3 * HOUR)))
    page.locator("#until").blur()
    assert total(page)[0] == "9"
    assert page.locator("#span").input_value() == "hand"
    page.select_option("#span", "all")
    chart(page, "Tokens").evaluate("node => node.scrollIntoView({ block: 'center' })")
    box = chart(page, "Tokens").locator(".nsewdrag").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, middle, steps=5)
    page.mouse.up()
    expect(page.locator("#span")).to_have_value("hand")
    assert int(total(page)[0]) in range(36, 41)  # half of them
    page.close()


def test_five_minutes_of_work_in_a_day_can_be_seen(browser: Browser, ledger: LedgerWriter) -> None:
    for second in range(0, 300, 10):
        write(ledger, 5 * HOUR + 60 + second)
    page = Opened(browser, "light", 1280).go(laid(ledger))
    bars = [box for bar in chart(page, "Tokens").locator(".bars .point path").all() if (box := bar.bounding_box())]
    assert max(box["width"] for box in bars if box["height"] > 1) > 15
    page.select_option("#span", "busy")
    bars = [box for bar in chart(page, "Tokens").locator(".bars .point path").all() if (box := bar.bounding_box())]
    assert len([box for box in bars if box["height"] > 1 and box["width"] > 100]) in {5, 6}
    page.close()


@pytest.mark.parametrize("width", [1100, 1440, 1920])
def test_nobody_scrolls_sideways(browser: Browser, ledger: LedgerWriter, width: int) -> None:
    fill(ledger)
    write(ledger, 10, caller="a-caller-of-a-very-long-name" * 4, projects=projects((PROJECT, PROJECT + "x" * 60)))
    write(ledger, 20, caller="x" * 300, model=MODEL + "y" * 100)
    page = Opened(browser, "light", width).go(laid(ledger))
    for shown in ("model", "caller"):
        page.select_option("#by", shown)
        assert page.evaluate(TOO_WIDE) == 0
    assert "x" * 59 + "…" in chart(page, "Tokens").locator(".legend").text_content()
    assert "x" * 60 not in chart(page, "Tokens").locator(".legend").text_content()
    page.close()


def test_an_empty_ledger(browser: Browser, ledger: LedgerWriter) -> None:
    opened = Opened(browser, "light", 1280)
    page = opened.go(laid(ledger))
    expect(page.locator("#used tfoot")).to_contain_text("No calls in this period")
    expect(page.locator("figure")).to_have_count(0)  # no axes of nothing
    assert opened.complaints == []
    page.close()
