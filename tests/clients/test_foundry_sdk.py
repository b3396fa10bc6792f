"""openai-python over Palantir's own HTTP client, which speaks https alone and carries attribution and B3 headers."""

import asyncio
import ssl
from collections.abc import Iterator
from contextvars import ContextVar, Token
from typing import Any

import pytest
from cryptography import x509
from foundry_sdk import Config
from foundry_sdk._core.context_and_environment_vars import (
    ATTRIBUTION_VAR,
    HOSTNAME_VAR,
    SAMPLED_VAR,
    SPAN_ID_VAR,
    TOKEN_VAR,
    TRACE_ID_VAR,
)
from foundry_sdk.v2.language_models.utils import (
    get_async_http_client,
    get_foundry_token,
    get_http_client,
    get_openai_base_url,
)
from openai import APIConnectionError, AsyncOpenAI, OpenAI

from addons.simulator.answer import GREETING
from addons.simulator.provider import SimulatedProvider
from tests.clients.left import assert_left_as_promised
from tests.clients.seed_example import openai_responses
from tests.clients.started import TOKEN, Started
from tests.conftest import MODEL

PROJECTS = ["ri.compass.main.folder.1f2e3d4c", "ri.foundry.main.project.5b6a7980"]
TRACE = {TRACE_ID_VAR: "463ac35c9f6413ad48485a3953bb6124", SPAN_ID_VAR: "a2fb4a1d1a96d312", SAMPLED_VAR: "1"}


@pytest.fixture
def foundry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes the surroundings that Foundry makes for code it runs, with this sidecar in Foundry's place."""
    tokens: list[tuple[ContextVar[Any], Token[Any]]] = []

    def surround(sidecar: Started) -> None:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)  # foundry_sdk would heed it first
        monkeypatch.setenv("SSL_CERT_FILE", str(sidecar.authority))
        values: dict[ContextVar[Any], Any] = {
            HOSTNAME_VAR: f"localhost:{sidecar.port}", TOKEN_VAR: TOKEN, ATTRIBUTION_VAR: PROJECTS, **TRACE,
        }  # fmt: skip
        tokens.extend((variable, variable.set(value)) for variable, value in values.items())

    yield surround
    for variable, token in tokens:
        variable.reset(token)


@pytest.mark.parametrize("certificate", ["sidecar", "sidecar_with_certificate"])
def test_the_example(
    request: pytest.FixtureRequest, foundry: Any, provider: SimulatedProvider, certificate: str
) -> None:
    """By the sidecar's own authority, and by a certificate it was given."""
    sidecar = request.getfixturevalue(certificate)
    foundry(sidecar)
    assert openai_responses("Hello, world").startswith(GREETING)
    (body,) = assert_left_as_promised(provider)
    assert body["input"] == "Hello, world"
    record = sidecar.record()
    assert record["foundry.attribution"] == PROJECTS
    assert record["foundry.trace.source"] == "b3"
    assert record["trace_id"] == TRACE[TRACE_ID_VAR]
    assert record["parent_span_id"] == TRACE[SPAN_ID_VAR]
    assert record["caller"] == "client"


def test_the_certificate_given_is_the_one_shown(sidecar_with_certificate: Started) -> None:
    pem = ssl.get_server_certificate(("localhost", sidecar_with_certificate.port))
    shown = x509.load_pem_x509_certificate(pem.encode())
    authority = x509.load_pem_x509_certificate(sidecar_with_certificate.authority.read_bytes())
    assert shown.issuer == authority.subject


def test_a_stream_by_an_authority_named_in_the_configuration(
    sidecar: Started, foundry: Any, provider: SimulatedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    foundry(sidecar)
    monkeypatch.delenv("SSL_CERT_FILE")
    client = OpenAI(
        api_key=get_foundry_token(preview=True),
        base_url=get_openai_base_url(preview=True),
        http_client=get_http_client(preview=True, config=Config(verify=str(sidecar.authority))),  # type: ignore[arg-type]  # of the older httpx; taken at run time
    )
    with client, client.responses.stream(model=MODEL, input="Hi") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    assert text.startswith(GREETING)
    assert_left_as_promised(provider)
    assert sidecar.record()["foundry.attribution"] == PROJECTS


async def ask(client: AsyncOpenAI) -> str:
    async with client:
        return (await client.responses.create(model=MODEL, input="Hi")).output_text


def test_the_asynchronous_client(sidecar: Started, foundry: Any, provider: SimulatedProvider) -> None:
    foundry(sidecar)
    client = AsyncOpenAI(
        api_key=get_foundry_token(preview=True),
        base_url=get_openai_base_url(preview=True),
        http_client=get_async_http_client(preview=True),  # type: ignore[arg-type]  # of the older httpx; taken at run time
    )
    assert asyncio.run(ask(client)).startswith(GREETING)
    assert_left_as_promised(provider)
    assert sidecar.record()["foundry.trace.source"] == "b3"


def test_an_authority_nobody_trusts_is_refused_by_the_client(
    sidecar: Started, foundry: Any, provider: SimulatedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The examples above pass because of the authority, not because nobody looks."""
    foundry(sidecar)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(APIConnectionError):
        openai_responses("Hello, world")
    assert provider.dialled == 0
