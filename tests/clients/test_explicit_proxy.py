"""What each client honours of the explicit proxy: the app keeps Foundry's name and is told of proxy and authority.

No resolver knows the name. So who is served went through the proxy, and Foundry was not dialled.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import openai
import pytest
from foundry_sdk import Config
from foundry_sdk._core.context_and_environment_vars import HOSTNAME_VAR, TOKEN_VAR
from foundry_sdk.v2.language_models.utils import get_http_client

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider
from tests.clients.conftest import document
from tests.clients.installed import NODE, NODE_MODULES
from tests.clients.left import assert_left_as_promised
from tests.clients.played import play
from tests.clients.started import TOKEN, Started, started
from tests.clients.test_codex import CONFIG, NO_SEARCH, texts
from tests.clients.test_curl import EXAMPLE
from tests.conftest import MODEL

pytestmark = pytest.mark.timeout(600)  # the first run installs the clients of Node

FOUNDRY: Final = "acme.palantirfoundry.invalid"
BASE_URL: Final = f"https://{FOUNDRY}/api/v2/llm/proxy/openai/v1"
LISTENS_ON: Final = "127.0.0.2"  # mitmproxy takes port 0 once an address

PROXIES: Final = [f"{name}_proxy" for name in ("http", "https", "all", "no")]
HEEDED: Final = [
    *PROXIES, *map(str.upper, PROXIES), "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
]  # fmt: skip
"""What a client in this process could take from this machine's own environment."""


@pytest.fixture(scope="module")
def proxying_process(
    provider_process: SimulatedProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Started]:
    directory = tmp_path_factory.mktemp("proxying")
    settings = document(directory, provider_process, proxy=f"{LISTENS_ON}:0") | {"foundry": {"hostnames": [FOUNDRY]}}
    with started(directory, settings, directory / "mitmproxy-ca-cert.pem") as running:
        yield running


@pytest.fixture
def sidecar(proxying_process: Started, provider: SimulatedProvider) -> Started:
    proxying_process.forget()
    return proxying_process


@pytest.fixture
def proxy(sidecar: Started) -> str:
    (address,) = [address for address in sidecar.addresses if address.startswith(f"{LISTENS_ON}:")]
    return f"http://{address}"


def assert_served(text: str, sidecar: Started, provider: SimulatedProvider) -> None:
    assert text.startswith(GREETING)
    assert_left_as_promised(provider)
    assert sidecar.record()["caller"] == "client"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


# curl


def curl(script: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    assert shutil.which("curl"), "these tests need curl; install it (apt install curl)"
    variables = {"PATH": os.environ["PATH"], "HOSTNAME": FOUNDRY, "TOKEN": TOKEN, **environment}
    return subprocess.run(["sh", "-c", script], check=False, env=variables, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("how", ["SSL_CERT_FILE", "--cacert"])
def test_curl(sidecar: Started, proxy: str, provider: SimulatedProvider, how: str) -> None:
    authority = str(sidecar.authority)
    if how == "--cacert":
        done = curl(EXAMPLE.replace("curl", f"curl --cacert '{authority}'"), {"HTTPS_PROXY": proxy})
    else:
        done = curl(EXAMPLE, {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": authority})
    assert done.returncode == 0, done.stderr
    assert_served(json.loads(done.stdout)["output"][0]["content"][0]["text"], sidecar, provider)


def test_another_host_is_refused(sidecar: Started, proxy: str, provider: SimulatedProvider) -> None:
    done = curl("curl -s -w '%{http_connect}' https://elsewhere.example.invalid/", {"HTTPS_PROXY": proxy})
    assert done.returncode != 0
    assert done.stdout == "403"
    while (line := sidecar.lines.get(timeout=30))["event"] != "tunnel_refused":
        pass
    assert line["target"] == "elsewhere.example.invalid:443"
    assert provider.dialled == 0


# openai-python and foundry_sdk


@pytest.fixture
def heeds(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in HEEDED:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def ask(**client: Any) -> str:
    with openai.OpenAI(api_key=TOKEN, base_url=BASE_URL, max_retries=0, **client) as asking:
        return asking.responses.create(model=MODEL, input="Hi").output_text


def test_openai_python(sidecar: Started, proxy: str, provider: SimulatedProvider, heeds: pytest.MonkeyPatch) -> None:
    heeds.setenv("HTTPS_PROXY", proxy)
    heeds.setenv("SSL_CERT_FILE", str(sidecar.authority))
    assert_served(ask(), sidecar, provider)


def test_openai_python_does_not_heed_the_authority_for_requests(
    sidecar: Started, proxy: str, provider: SimulatedProvider, heeds: pytest.MonkeyPatch
) -> None:
    heeds.setenv("HTTPS_PROXY", proxy)
    heeds.setenv("REQUESTS_CA_BUNDLE", str(sidecar.authority))
    with pytest.raises(openai.APIConnectionError) as raised:
        ask()
    assert any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(raised.value))
    assert provider.dialled == 0


@pytest.fixture
def in_foundry() -> Iterator[None]:
    """foundry_sdk's client wants to know where it runs."""
    hostname, token = HOSTNAME_VAR.set(FOUNDRY), TOKEN_VAR.set(TOKEN)
    yield
    TOKEN_VAR.reset(token)
    HOSTNAME_VAR.reset(hostname)


@pytest.mark.usefixtures("in_foundry")
@pytest.mark.parametrize("how", ["verify", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_foundry_sdk(
    sidecar: Started, proxy: str, provider: SimulatedProvider, heeds: pytest.MonkeyPatch, how: str
) -> None:
    config = Config(proxies={"https": proxy})
    if how == "verify":
        config = replace(config, verify=str(sidecar.authority))
    else:
        heeds.setenv(how, str(sidecar.authority))
    assert_served(ask(http_client=get_http_client(preview=True, config=config)), sidecar, provider)


@pytest.mark.usefixtures("in_foundry")
def test_foundry_sdk_does_not_heed_the_environments_proxy(
    sidecar: Started, proxy: str, provider: SimulatedProvider, heeds: pytest.MonkeyPatch
) -> None:
    heeds.setenv("HTTPS_PROXY", proxy)
    heeds.setenv("SSL_CERT_FILE", str(sidecar.authority))
    with pytest.raises(openai.APIConnectionError) as raised:
        ask(http_client=get_http_client(preview=True))
    assert any(isinstance(cause, socket.gaierror) for cause in causes(raised.value))
    assert provider.dialled == 0


# openai-node and Codex


def node(sidecar: Started, over: str, **environment: str) -> Any:
    argument = json.dumps({"over": over, "how": "create", "asked": {}})
    told = {"ORIGIN": f"https://{FOUNDRY}", "NODE_EXTRA_CA_CERTS": str(sidecar.authority)}
    return play(sidecar, [NODE, "node/openai.mjs", argument], **told, **environment)


@pytest.mark.usefixtures("clients_of_node")
@pytest.mark.parametrize("over", ["openai", "osdk"])
def test_openai_node(sidecar: Started, proxy: str, provider: SimulatedProvider, over: str) -> None:
    assert_served(node(sidecar, over, HTTPS_PROXY=proxy, NODE_USE_ENV_PROXY="1")["text"], sidecar, provider)


@pytest.mark.usefixtures("clients_of_node")
def test_node_does_not_heed_the_proxy_by_itself(sidecar: Started, proxy: str, provider: SimulatedProvider) -> None:
    thrown = node(sidecar, "openai", HTTPS_PROXY=proxy)
    assert (thrown["error"]["class"], thrown["cause"]["message"]) == ("APIConnectionError", "fetch failed")
    assert thrown["cause"]["code"] in {"ENOTFOUND", "EAI_AGAIN"}
    assert provider.dialled == 0


@pytest.mark.usefixtures("clients_of_node")
def test_codex(sidecar: Started, proxy: str, provider: SimulatedProvider, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG.format(model=MODEL, line=NO_SEARCH, base_url=BASE_URL))
    codex = NODE_MODULES / "@openai/codex/bin/codex.js"
    done = subprocess.run(
        [NODE, codex, "exec", "--skip-git-repo-check", "--json", "Hello"],
        check=False,
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"], "HOME": str(tmp_path), "CODEX_HOME": str(tmp_path), "FOUNDRY_TOKEN": TOKEN,
            "HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(sidecar.authority),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=110,
    )  # fmt: skip
    assert done.stdout, done.stderr.decode()
    (text,) = texts([json.loads(line) for line in done.stdout.splitlines()])
    assert_served(text, sidecar, provider)
