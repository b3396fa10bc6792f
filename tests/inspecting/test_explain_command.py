"""`sidecar.explain`, as mitmweb's command line runs it on the flows of its list."""

from pathlib import Path

from addons.simulator.provider import SimulatedProvider
from tests.conftest import PROVIDER_KEY
from tests.inspecting.web import COOKIE, TOKEN, Web, three_calls


def test_the_page_explains_its_flows(provider: SimulatedProvider, tmp_path: Path) -> None:
    with Web(tmp_path, provider) as web:
        three_calls(web, provider)
        web.flows(3)
        answer = web.http.post("/commands/sidecar.explain", json={"arguments": ["@all"]}).json()
        events = web.http.get("/events").text
    explained = answer["value"].split("\n\n")
    assert [each.partition("): ")[2].partition(" ")[0].partition("\n")[0] for each in explained] == [
        "served",
        "served",
        "refused",
    ]
    assert "at store (ZERO_DATA_RETENTION)" in explained[2]
    for secret in (TOKEN, COOKIE, PROVIDER_KEY):
        assert secret not in answer["value"]
    assert "Be kind" not in "".join((events, *web.output))
