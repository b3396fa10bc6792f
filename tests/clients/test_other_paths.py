"""Real clients that use the rest of Foundry too, through the explicit proxy, and models beside it."""

import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from foundry_sdk import ConfidentialClientAuth, Config, FoundryClient, NotFoundError, UserTokenAuth

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider
from tests.clients.conftest import document
from tests.clients.left import assert_left_as_promised
from tests.clients.started import TOKEN, Started, started
from tests.clients.test_explicit_proxy import BASE_URL, HEEDED, LISTENS_ON, curl
from tests.conftest import MODEL
from tests.foundry_server import FOUNDRY, MINTED, FoundryServer

# foundry_sdk's models, at import
pytestmark = pytest.mark.filterwarnings("ignore:Failing to pass a value to the 'type_params':DeprecationWarning")


@pytest.fixture
def sidecar(provider: SimulatedProvider, foundry: FoundryServer, tmp_path: Path) -> Iterator[Started]:
    settings = document(tmp_path, provider, proxy=f"{LISTENS_ON}:0")
    settings["foundry"] = {
        "hostnames": [FOUNDRY],
        "other_paths": "forward",
        "addresses": {FOUNDRY: foundry.address},
    }
    with started(tmp_path, settings, tmp_path / "mitmproxy-ca-cert.pem") as running:
        yield running


@pytest.fixture
def proxy(sidecar: Started, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in HEEDED:
        monkeypatch.delenv(name, raising=False)
    (address,) = [address for address in sidecar.addresses if address.startswith(f"{LISTENS_ON}:")]
    return f"http://{address}"


def test_foundry_sdk(sidecar: Started, proxy: str, foundry: FoundryServer, provider: SimulatedProvider) -> None:
    config = Config(proxies={"https": proxy}, verify=str(sidecar.authority))
    client = FoundryClient(auth=UserTokenAuth(TOKEN), hostname=FOUNDRY, config=config)
    assert [ontology.api_name for ontology in client.ontologies.Ontology.list().data] == ["a"]
    with pytest.raises(NotFoundError):
        client.datasets.Dataset.get("ri.foundry.main.dataset.1")
    assert [(call.method, call.target.partition("?")[0]) for call in foundry.calls] == [
        ("GET", "/api/v2/ontologies"),
        ("GET", "/api/v2/datasets/ri.foundry.main.dataset.1"),
    ]
    assert {call.header("authorization")[0] for call in foundry.calls} == {f"Bearer {TOKEN}"}
    assert provider.dialled == 0
    first, second = sidecar.record(), sidecar.record()
    assert (first["url.path"], first["http.response.status_code"]) == ("/api/v2/ontologies", 200)
    assert (second["url.path"], second["http.response.status_code"]) == (
        "/api/v2/datasets/ri.foundry.main.dataset.1",
        404,
    )


def test_foundry_sdk_that_fetches_its_token(sidecar: Started, proxy: str, foundry: FoundryServer) -> None:
    config = Config(proxies={"https": proxy}, verify=str(sidecar.authority))
    auth = ConfidentialClientAuth("id", "secret-of-the-client", should_refresh=False)
    client = FoundryClient(auth=auth, hostname=FOUNDRY, config=config)
    assert len(client.ontologies.Ontology.list().data) == 1
    token, listed = foundry.calls
    assert (token.method, token.target) == ("POST", "/multipass/api/oauth2/token")
    assert b"secret-of-the-client" in token.body
    assert listed.header("authorization") == [f"Bearer {MINTED}"]
    written = json.dumps([sidecar.record(), sidecar.record()])
    for secret in (MINTED, "secret-of-the-client"):
        assert secret not in written


def test_models_beside_it(sidecar: Started, proxy: str, foundry: FoundryServer, provider: SimulatedProvider) -> None:
    environment = {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(sidecar.authority), "BASE": BASE_URL}
    listed = curl('curl -sS -H "Authorization: Bearer $TOKEN" "https://$HOSTNAME/api/v2/ontologies"', environment)
    assert json.loads(listed.stdout)["data"][0]["rid"] == "ri.ontology.main.ontology.a", listed.stderr
    refused = curl('curl -sS -o /dev/null -w "%{http_code}" -X POST "$BASE/completions"', environment)
    assert refused.stdout == "404"
    with pytest.MonkeyPatch.context() as patched:
        for name in ("HTTPS_PROXY", "SSL_CERT_FILE"):
            patched.setenv(name, environment[name])
        with openai.OpenAI(api_key=TOKEN, base_url=BASE_URL, max_retries=0) as client:
            text = client.responses.create(model=MODEL, input="Hi").output_text
    assert text.startswith(GREETING)
    assert_left_as_promised(provider)
    assert [call.target for call in foundry.calls] == ["/api/v2/ontologies"]
