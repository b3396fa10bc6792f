"""Every surface of mitmweb on which a secret could stand, searched while calls are under way and afterwards."""

import socket
from pathlib import Path
from typing import Any

import pytest
from openai import InternalServerError

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PROVIDER_KEY
from tests.foundry_server import COOKIE as FOUNDRYS_COOKIE
from tests.foundry_server import FOUNDRY, MINTED, FoundryServer
from tests.inspecting.web import COOKIE, TOKEN, Updates, Web, ask_in_the_background, three_calls
from tests.proxy.client import HELLO, read_reply, request_bytes, send
from tests.waiting import LONGEST, eventually

CLIENT_SECRET = "secret-of-an-oauth-client"
SECRETS = (PROVIDER_KEY, TOKEN, COOKIE, MINTED, FOUNDRYS_COOKIE, CLIENT_SECRET)
PAGES = ("/flows", "/flows/dump", "/options", "/events", "/state", "/commands", "/filter-help", "/")
EXPORTS = ("curl", "httpie", "raw", "raw_request", "raw_response")
VIEWS = ("auto", "raw", "hex%20dump", "conversation", "http%2F3%20frames")
HEADERS = (("Authorization", f"Bearer {TOKEN}"), ("Cookie", f"session={COOKIE}"), ("X-Api-Key", TOKEN))

type Surfaces = dict[str, str]


def forwarding(foundry: FoundryServer) -> dict[str, Any]:
    address = {FOUNDRY: foundry.address}
    return {"foundry": {"hostnames": [FOUNDRY], "other_paths": "forward", "addresses": address}}


def surfaces(web: Web) -> Surfaces:
    """What the page gives of the calls there are now, by its name."""
    found = {path: web.http.get(path).content.decode("utf-8", "replace") for path in PAGES}
    for number, flow in enumerate(web.http.get("/flows").json()):
        for message in ("request", "response"):
            for kind in ("content.data", *(f"content/{view}" for view in VIEWS)):
                found[f"{number} {message} {kind}"] = web.http.get(f"/flows/{flow['id']}/{message}/{kind}").text
        for form in EXPORTS:
            found[f"{number} {form}"] = command(web, "export", form, f"@{flow['id']}")
    return found


def command(web: Web, name: str, *words: str) -> str:
    return web.http.post(f"/commands/{name}", json={"arguments": list(words)}).text


def assert_no_secret(found: Surfaces, when: str) -> None:
    for name, text in found.items():
        for secret in SECRETS:
            assert secret not in text, f"{name}, {when}"


def test_no_surface_holds_a_secret_at_any_time(
    provider: SimulatedProvider, foundry: FoundryServer, tmp_path: Path
) -> None:
    with Web(tmp_path, provider, forwarding(foundry)) as web:
        with Updates(web) as said:
            provider.script("hang")
            with socket.create_connection(("127.0.0.1", web.port)) as connection:
                connection.sendall(request_bytes(HELLO, headers=HEADERS))
                provider.wait_for_calls(1)
                thinking = surfaces(web)
                assert_no_secret(thinking, "while the provider thinks")
            assert "Hello, world" in thinking["0 curl"]

            provider.script("hold=8 events=12")
            thread = ask_in_the_background(web)
            call = provider.wait_for_calls(2)[1]
            streaming = eventually(lambda: shown_with("simulated", surfaces(web)))
            assert_no_secret(streaming, "while a stream runs")
            call.release()
            thread.join(LONGEST)

            with socket.create_connection(("127.0.0.1", web.port)) as connection:
                body = f"client_secret={CLIENT_SECRET}".encode()
                token = request_bytes(body, target="/multipass/api/oauth2/token", host=FOUNDRY, headers=HEADERS)
                connection.sendall(token)
                assert MINTED.encode() in read_reply(connection).body
                connection.sendall(request_bytes(body, target="/waits", host=FOUNDRY, headers=HEADERS))
                assert connection.recv(1000).startswith(b"HTTP/1.1 200")
                assert_no_secret(surfaces(web), "while Foundry answers")
                foundry.released.set()

            provider.script("status=401")
            with pytest.raises(InternalServerError, match="credentials"):
                web.sdk.responses.create(model=MODEL, input="Hello")
            three_calls(web, provider)
            web.flows(8)
            after = surfaces(web)
            forwarded = web.http.get("/flows/dump", params={"filter": "~meta foundry.other_path"}).content
            assert (forwarded.count(b"/waits") > 0, b"gpt-5.2" in forwarded) == (True, False)
            assert_no_secret(after, "afterwards")
        assert_no_secret({"websocket": "".join(said)}, "at any time")
        assert all(web.page_token not in text for text in (*web.output, after["/options"], after["/events"]))

    assert_no_secret({"log": "".join(web.output), "standard error": "".join(web.errors)}, "at the end")
    everywhere = ("/flows", "/flows/dump")
    assert all("/multipass/api/oauth2/token" in after[name] and "gpt-5.2" in after[name] for name in everywhere)
    assert "flows/update" in "".join(said)
    exported = {name: text for name, text in after.items() if name.split()[-1] in EXPORTS}
    without = {name for name, text in exported.items() if '"value"' not in text}
    assert without == {f"{number} raw_response" for number in (0, 2, 3)}, (
        "no answer came, or Foundry's, which none keeps"
    )


def test_a_call_to_foundry_sent_again_from_the_page_goes_nowhere(
    provider: SimulatedProvider, foundry: FoundryServer, tmp_path: Path
) -> None:
    with Web(tmp_path, provider, forwarding(foundry)) as web:
        assert send(web.port, request_bytes(b"", method="GET", target="/file", host=FOUNDRY)).status == 200
        (flow,) = web.flows(1)
        web.http.post(f"/flows/{flow['id']}/replay").raise_for_status()
        (after,) = web.flows(1)
        assert after["comment"].startswith("↩ not sent again · ")
    assert len(foundry.calls) == 1
    assert provider.dialled == 0


def shown_with(text: str, found: Surfaces) -> Surfaces | None:
    """The surfaces, once the text is in the running answer."""
    return found if text in found["1 response content/auto"] else None
