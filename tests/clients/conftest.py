"""Sidecars started by the real command line, for real clients to call."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addons.simulator.certificates import LOOPBACK, Authority
from addons.simulator.provider import SimulatedProvider
from tests.clients.installed import node_modules, python_of
from tests.clients.started import REGISTRY, Started, started
from tests.conftest import PROVIDER_KEY


def document(directory: Path, provider: SimulatedProvider, **listen: Any) -> dict[str, Any]:
    """A configuration that says no more than it must; what it does not say is the default."""
    (directory / "key").write_text(PROVIDER_KEY)
    (directory / "tokens.yaml").write_text(json.dumps(REGISTRY))
    return {
        "listen": {"reverse": "127.0.0.1:0", "certificates": str(directory), **listen},
        "provider": {
            "zero_data_retention": "attested",
            "trusted_ca": str(provider.ca_file),
            "regions": {"global": {"url": provider.url, "api_key": {"file": "key"}}},
        },
        "caller": {"verifier": "registry", "registry": {"file": "tokens.yaml"}},
    }


@pytest.fixture(scope="session")
def sidecar_process(provider_process: SimulatedProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    directory = tmp_path_factory.mktemp("sidecar")
    with started(directory, document(directory, provider_process), directory / "mitmproxy-ca-cert.pem") as running:
        yield running


@pytest.fixture
def sidecar(sidecar_process: Started, provider: SimulatedProvider) -> Started:
    """One process for all tests; ``provider`` has nothing recorded yet, and the records of earlier tests are gone."""
    sidecar_process.forget()
    return sidecar_process


@pytest.fixture
def sidecar_with_certificate(provider: SimulatedProvider, tmp_path: Path) -> Iterator[Started]:
    """A sidecar that was given the certificate of its reverse port, by an authority of its own."""
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.issue(LOOPBACK)
    (tmp_path / "tls.pem").write_bytes(certificate)
    (tmp_path / "tls-key.pem").write_bytes(key)
    tls = {"certificate": "tls.pem", "key": "tls-key.pem"}
    with started(tmp_path, document(tmp_path, provider, tls=tls), authority.file) as running:
        yield running


@pytest.fixture
def sidecar_of_plain_names(provider: SimulatedProvider, tmp_path: Path) -> Iterator[Started]:
    """A sidecar to which apps may name models as OpenAI does."""
    settings = document(tmp_path, provider) | {"models": {"allow_plain_names": True}}
    with started(tmp_path, settings, tmp_path / "mitmproxy-ca-cert.pem") as running:
        yield running


@pytest.fixture(scope="session")
def clients_of_node() -> Path:
    """Where the packages of openai-node, @osdk/client, the Vercel AI SDK and Codex lie."""
    return node_modules()


@pytest.fixture(scope="session")
def python_with_frameworks() -> Path:
    return python_of("frameworks")


@pytest.fixture(scope="session")
def python_with_openai_2() -> Path:
    """llama-index and instructor, apart from the others, because they want openai-python 2."""
    return python_of("openai_2")


@pytest.fixture(scope="session")
def python_with_openai_1() -> Path:
    return python_of("openai_1")
