"""A sidecar in development mode, and whatever else tests through a real proxy share."""

import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from tests.conftest import SettingsMaker
from tests.proxy.running import RunningSidecar
from tests.records import Records


@pytest.fixture
def sidecar(make_settings: SettingsMaker, records: Records) -> Iterator[RunningSidecar]:
    with RunningSidecar(make_settings()) as running:
        records.clear()
        yield running


NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "home.palantirfoundry.invalid": ("127.0.0.1",),
    "metadata.palantirfoundry.invalid": ("169.254.169.254",),
    "both.palantirfoundry.invalid": ("203.0.113.1", "::1"),
}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS alone is played: names that lead where nobody should be led."""
    resolve = socket.getaddrinfo

    def played(host: Any, port: Any, *more: Any, **how: Any) -> Any:
        return [entry for each in NAMES.get(host, (host,)) for entry in resolve(each, port, *more, **how)]

    monkeypatch.setattr(socket, "getaddrinfo", played)
