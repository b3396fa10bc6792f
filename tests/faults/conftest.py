"""A sidecar in development mode, for tests that want one of their own."""

from collections.abc import Iterator

import pytest

from tests.conftest import SettingsMaker
from tests.proxy.running import RunningSidecar
from tests.records import Records


@pytest.fixture
def sidecar(make_settings: SettingsMaker, records: Records) -> Iterator[RunningSidecar]:
    with RunningSidecar(make_settings()) as running:
        records.clear()
        yield running
