"""mitmweb's page in a real browser: what a person sees of a call, and that no secret is on it or on its way."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import APIError
from playwright.sync_api import Browser, Page, WebSocket, expect

from addons.simulator.provider import SimulatedProvider
from tests.browser.conftest import Picture
from tests.conftest import MODEL, PROVIDER_KEY
from tests.inspecting.web import COOKIE, TOKEN, Web, ask_in_the_background, three_calls

pytestmark = pytest.mark.browser


@pytest.fixture
def web(provider: SimulatedProvider, tmp_path: Path) -> Iterator[Web]:
    with Web(tmp_path, provider, {"prices": {MODEL: {"input": 1.75, "cached": 0.175, "output": 14}}}) as running:
        yield running


class Traffic:
    """Everything a page was sent: answers to its requests, and its websocket's frames."""

    def __init__(self, page: Page) -> None:
        self.frames: list[str] = []
        self.addresses: list[str] = []
        page.on("websocket", self._listen)
        page.on("request", lambda request: self.addresses.append(request.url))

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self.frames.append(str(frame)))


def test_a_person_sees_what_was_sent_what_was_changed_and_what_it_cost(
    browser: Browser, web: Web, provider: SimulatedProvider, picture: Picture
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    traffic = Traffic(page)
    page.goto(web.page)
    three_calls(web, provider)
    rows = page.locator(".flow-table tbody tr[class]")
    expect(rows).to_have_count(3)
    whole, streamed, refused = (rows.nth(index) for index in range(3))
    expect(whole).to_contain_text(re.compile("✅ [0-9:]{8} gpt-5.2 · the-project · 100 in [+] 20 out · cost 0.000392"))
    expect(refused).to_contain_text(re.compile("⛔ [0-9:]{8} store ZERO_DATA_RETENTION gpt-5.2 · the-project"))

    seen = []
    for name, row, tab, shown in (
        ("request", whole, "Request", "headers kept back: attribution"),
        ("answer", whole, "Response", "The simulated provider thought about it."),
        ("stream", streamed, "Response", "function_call weather"),
        ("refusal", refused, "Request", "ZERO_DATA_RETENTION"),
    ):
        row.click()
        page.locator(".nav-tabs").get_by_text(tab, exact=True).click()
        expect(page.locator(".flow-detail")).to_contain_text(shown)
        picture(page, name)
        seen.append(page.content())
    assert any("flows/update" in frame for frame in traffic.frames)
    assert all(address.startswith((web.base, "data:")) for address in traffic.addresses)
    everything = "".join([*seen, *traffic.frames])
    for secret in (PROVIDER_KEY, TOKEN, COOKIE):
        assert secret not in everything


def test_a_stream_can_be_read_while_it_runs(
    browser: Browser, web: Web, provider: SimulatedProvider, picture: Picture
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    traffic = Traffic(page)
    page.goto(web.page)
    provider.script("hold=8 events=12")
    thread = ask_in_the_background(web)
    page.locator(".flow-table tbody tr[class]").click()
    page.locator(".nav-tabs").get_by_text("Response", exact=True).click()
    detail = page.locator(".flow-detail")
    expect(detail).to_contain_text("status: in_progress")
    expect(detail).to_contain_text("Hello")
    picture(page, "running")
    seen = page.content()
    provider.calls[0].release()
    thread.join(30)
    expect(detail).to_contain_text("status: completed")  # by itself, where the person looks
    everything = "".join([seen, page.content(), *traffic.frames])
    for secret in (PROVIDER_KEY, TOKEN, COOKIE):
        assert secret not in everything


def test_the_list_can_be_narrowed_to_refused_calls(browser: Browser, web: Web, provider: SimulatedProvider) -> None:
    three_calls(web, provider)
    web.flows(3)
    page = browser.new_page()
    page.goto(web.page)
    rows = page.locator(".flow-table tbody tr[class]")
    expect(rows).to_have_count(3)
    page.get_by_placeholder("Search").first.fill("~marker no_entry")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("ZERO_DATA_RETENTION")


def test_without_the_token_there_is_only_a_login(browser: Browser, web: Web, provider: SimulatedProvider) -> None:
    three_calls(web, provider)
    page = browser.new_page()
    answer = page.goto(web.base)
    assert answer
    assert answer.status == 403
    expect(page.locator("input[type=password]")).to_have_count(1)
    assert "gpt-5.2" not in page.content()


WEATHER: Any = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {"city": {}}}}
AGENT: list[Any] = [
    *[{"role": "user", "content": "An earlier question"}, {"role": "assistant", "content": "An answer"}] * 6,
    {"role": "user", "content": "A long question. " * 40 + "日本語の質問です。" * 20 + "😀" * 60},
    {"type": "function_call", "name": "weather", "call_id": "call_1", "arguments": '{"city": "Paris", "days": 3}'},
    {"type": "function_call_output", "call_id": "call_1", "output": '{"rain": true, "image": "' + "A" * 9000 + '"}'},
]
TOO_WIDE = """() => [...document.querySelectorAll(".flow-detail, .flow-detail *")]
    .filter(each => each.clientWidth && each.scrollWidth > each.clientWidth + 1)
    .map(each => `${each.tagName} ${each.scrollWidth} of ${each.clientWidth}`)"""


def play(web: Web, provider: SimulatedProvider) -> None:
    """One call of each kind that a page shows in a way of its own, but for one that is under way."""
    three_calls(web, provider)
    provider.script("reasoning")
    web.sdk.responses.create(model=MODEL, instructions="Be brief. " * 60, input=AGENT, tools=[WEATHER])
    for directive, stream in (("cut=2", True), ("status=500", False)):
        provider.script(directive)
        with pytest.raises(APIError):
            for _ in web.sdk.responses.create(model=MODEL, input="Fail", stream=stream):
                pass
    with pytest.raises(APIError):
        web.sdk.post(f"http://127.0.0.1:{web.port}/v1/responses", cast_to=object, body={})


BEGINS_AT = """row => {
    const text = document.createTreeWalker(row.querySelector(".col-comment"), NodeFilter.SHOW_TEXT).nextNode();
    const range = document.createRange();
    range.setStart(text, 0);
    range.setEnd(text, 1);
    return Math.round(range.getBoundingClientRect().left);
}"""

KINDS = ("served", "streamed", "refused", "tool loop", "cut", "failed", "wrong path", "under way")


@pytest.mark.parametrize("width", [1100, 1440, 1920])
def test_nobody_scrolls_sideways(
    browser: Browser, web: Web, provider: SimulatedProvider, picture: Picture, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(web.page)
    play(web, provider)
    provider.clear()
    provider.script("hold=8 events=12")
    thread = ask_in_the_background(web)
    (call,) = provider.wait_for_calls()
    rows = page.locator(".flow-table tbody tr[class]")
    expect(rows).to_have_count(len(KINDS))
    assert {row.evaluate(BEGINS_AT) for row in rows.all()} <= set(range(10)), "comments stand to the left"
    expect(page.locator("footer")).not_to_contain_text("*:")  # as if it listened for everyone
    picture(page, f"list {width}")
    for row, kind in enumerate(KINDS):
        rows.nth(row).click()
        for tab in ("Request", "Response"):
            page.locator(".nav-tabs").get_by_text(tab, exact=True).click()
            expect(page.locator(".flow-detail .contentview")).to_be_visible()
            assert page.evaluate(TOO_WIDE) == [], f"{kind}, {tab}"
            page.locator(".flow-detail .contentview").evaluate("node => node.scrollIntoView()")
            picture(page, f"{kind} {tab.lower()} {width}")
    call.release()
    thread.join(30)
