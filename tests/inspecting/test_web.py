"""What `./run.sh web` shows, what it never shows, and what its page can't be made to do."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import APIStatusError

from addons.simulator.provider import SimulatedProvider
from tests.clients.played import EMBEDDINGS
from tests.conftest import MODEL
from tests.inspecting.web import PROJECT, Updates, Web, ask_in_the_background, three_calls, timeless
from tests.waiting import LONGEST, eventually


@pytest.fixture(scope="module")
def process(provider_process: SimulatedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with Web(tmp_path_factory.mktemp("web"), provider_process, keep_flows=3, answer_bytes=20_000) as running:
        yield running


@pytest.fixture
def web(process: Web, provider: SimulatedProvider) -> Web:
    process.forget()
    return process


def test_a_call_is_shown_as_a_conversation(web: Web, provider: SimulatedProvider) -> None:
    three_calls(web, provider)
    whole, streamed, refused = web.flows(3)
    assert [flow["marked"] for flow in (whole, streamed, refused)] == ["✅", "✅", "⛔"]
    assert timeless(whole["comment"]).startswith("✅ gpt-5.2 · the-project · 100 in + 20 out · ")
    assert timeless(refused["comment"]).startswith("⛔ store ZERO_DATA_RETENTION gpt-5.2 · the-project · ")

    request = web.view(whole, "request")
    for shown in (
        "SERVED 200 · gpt-5.2 · the-project · 100 in + 20 out · ",
        f"model: {MODEL} ->\n  gpt-5.2\n",
        "store: (absent) -> false\n",
        "headers kept back: ",
        "tools: weather (function)\n",
        "instructions:\n  Be kind.\n",
        "user:\n  What is in this picture?\n  [input_image: image/png, 300 bytes]\n",
    ):
        assert shown in request
    told = ["SERVED 200", "== What the app sent", "== What the sidecar changed", "== Facts"]
    assert sorted(told, key=request.index) == told
    assert "attribution, " in request.partition("headers kept back: ")[2]
    assert request.count("store") == 1
    answer = web.view(whole, "response")
    for shown in (
        "tokens   100 in + 20 out, 40 cached, 8 for reasoning\n",
        "usage: input 100, cached 40, output 20, reasoning 8\n",
        "  The simulated provider thought about it.\n",
        "assistant:\n  Hello from the simulated provider.",
    ):
        assert shown in answer
    assert "function_call weather [call_" in web.view(streamed, "response")
    for message in ("request", "response"):
        view = web.view(refused, message)
        assert view.startswith("REFUSED 400 · gpt-5.2 · the-project · ")
        assert "rule     ZERO_DATA_RETENTION\n" in view
        assert "setting  policy.store_true\n" in view
    assert "Keep this" in web.view(refused, "request")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("~marker no_entry", [2]),
        ("~marker white_check_mark", [0, 1]),
        ("~hs event-stream", [1]),
        ("~comment the-project", [0, 1, 2]),
        ("~comment ZERO_DATA_RETENTION", [2]),
        ("~meta refused_feature", [2]),
        ("~meta call.by_hand", []),
        (f"~meta {PROJECT}", [0, 1, 2]),
        ("~comment another-project", []),
    ],
)
def test_documented_filters(web: Web, provider: SimulatedProvider, expression: str, found: list[int]) -> None:
    three_calls(web, provider)
    every = [flow["id"] for flow in web.flows(3)]
    dumped = web.http.get("/flows/dump", params={"filter": expression}).content
    assert [index for index, each in enumerate(every) if each.encode() in dumped] == found


def test_the_list_of_models_and_embeddings_say_what_they_are(web: Web) -> None:
    web.sdk.models.list()
    web.sdk.embeddings.create(model=EMBEDDINGS, input=["A first text", "and another"])
    listed, embedded = web.flows(2)
    assert re.fullmatch("✅ list of models · the-project · [0-9.]+ ms · development", timeless(listed["comment"]))
    assert MODEL in web.view(listed, "response")
    assert embedded["comment"].rstrip().endswith("development · “A first text”")
    assert " out" not in embedded["comment"]


def test_the_oldest_calls_are_let_go(web: Web, provider: SimulatedProvider) -> None:
    for number in range(5):
        web.sdk.responses.create(model=MODEL, input=f"Call {number}")
    web._wait(web.output, r'(?s)(?:"event": ?"call".*){5}')
    flows = web.flows(3)
    assert len(flows) == 3
    assert ["Call 2" in web.view(flows[0], "request"), "Call 4" in web.view(flows[2], "request")] == [True, True]


def test_of_a_long_answer_the_beginning_is_kept(web: Web, provider: SimulatedProvider) -> None:
    provider.script("events=500")
    with web.sdk.responses.stream(model=MODEL, input="Tell me more") as stream:
        whole = stream.get_final_response()
    assert whole.usage
    (flow,) = web.flows(1)
    view = web.view(flow, "response")
    assert flow["response"]["contentLength"] == 20_000
    assert "Kept: the first 20,000 of " in view
    assert "(inspect.answer_bytes)" in view
    assert "assistant:\n  Hello from the simulated provider." in view


@pytest.mark.parametrize(
    "option", [{"web_host": "0.0.0.0"}, {"stream_large_bodies": "1"}, {"modify_body": ["/gpt/evil"]}, {"http2": True}]
)
def test_options_that_open_a_way_round_are_refused(web: Web, option: dict[str, Any]) -> None:
    answer = web.http.put("/options", json=option)
    assert answer.status_code == 400
    assert "The sidecar needs" in answer.text
    (name,) = option
    assert web.http.get("/options").json()[name]["value"] != option[name]


def test_nobody_without_the_token_gets_in(web: Web) -> None:
    for token in ("", "wrong"):
        for path in ("/flows", "/options", "/flows/dump"):
            assert httpx.get(web.base + path, params={"token": token}).status_code == 403
    assert httpx.get(web.base + "/nowhere", params={"token": web.page_token}).status_code == 404
    assert web.page_token not in "".join(web.output)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8082", "127.0.0.1:1"])
def test_the_page_has_this_machines_names(web: Web, host: str) -> None:
    for path in ("/", "/flows"):
        assert web.http.get(path, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8082", "localhost.evil.example", "localhost@evil.example", "127.0.0.1.", "127.1"],
)
def test_the_page_is_no_part_of_a_site_whose_name_leads_here(web: Web, host: str) -> None:
    for path in ("/", "/flows", "/flows/dump", "/options", "/commands", "/updates", "/static/app.css"):
        answer = web.http.get(path, headers={"Host": host})
        assert answer.status_code in {400, 404}
        assert "mitmproxy" not in answer.text.lower()


def test_a_flow_sent_again_from_the_page_goes_nowhere(web: Web, provider: SimulatedProvider) -> None:
    web.sdk.responses.create(model=MODEL, input="Once")
    (flow,) = web.flows(1)
    dialled, calls = provider.dialled, len(provider.calls)
    web.http.post(f"/flows/{flow['id']}/replay").raise_for_status()
    (after,) = web.flows(1)
    assert {name: after[name] for name in ("request", "response", "marked")} == {
        name: flow[name] for name in ("request", "response", "marked")
    }
    assert after["comment"] == f"↩ not sent again · {flow['comment']}"
    assert web.view(after, "response").startswith("Nothing was sent again: inspect.resend is refuse.")
    assert (provider.dialled, len(provider.calls)) == (dialled, calls)


def test_the_sidecar_can_not_be_unloaded(provider: SimulatedProvider, tmp_path: Path) -> None:
    with Web(tmp_path, provider) as web:
        assert web.http.put("/options", json={"scripts": []}).status_code == 400
        with pytest.raises(APIStatusError):
            web.sdk.responses.create(model=MODEL, input="Keep this", store=True)
        assert provider.dialled == 0


def test_a_stream_is_shown_while_it_runs(web: Web, provider: SimulatedProvider) -> None:
    """Held in its middle: what came is on the page, its websocket told of it, and the rest follows untouched."""
    provider.script("hold=8 events=12")
    with Updates(web) as said:
        thread = ask_in_the_background(web)
        (call,) = provider.wait_for_calls()
        flow = eventually(lambda: next((each for each in web.http.get("/flows").json() if shown_so_far(each)), None))
        told = eventually(lambda: any(f'"contentLength": {shown_so_far(flow)}' in message for message in said))
        view = web.view(flow, "response")
        call.release()
        thread.join(LONGEST)
        (whole,) = web.flows(1)
    assert told
    assert timeless(flow["comment"]) == "⏳ gpt-5.2 · the-project · development · “Tell me”"
    assert "assistant:\n  Hello" in view
    assert "status: in_progress" in view
    assert "usage:" not in view
    assert shown_so_far(whole) > shown_so_far(flow)
    assert "status: completed" in web.view(whole, "response")


def shown_so_far(flow: dict[str, Any]) -> int:
    return int((flow.get("response") or {}).get("contentLength") or 0)
