from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.simulator.provider import SimulatedProvider


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority")


@pytest.fixture(scope="session", params=[True, False], ids=["tls", "plain"])
def running(request: pytest.FixtureRequest, directory: Path) -> Iterator[SimulatedProvider]:
    with SimulatedProvider(tls=request.param, directory=directory) as provider:
        yield provider


@pytest.fixture
def provider(running: SimulatedProvider) -> SimulatedProvider:
    """Over TLS and over plain HTTP, each test once."""
    running.clear()
    running.api_key = None
    return running
