"""What a call held is free when it has ended, with the collector of garbage switched off."""

import gc
import time
from collections.abc import Callable, Iterator
from types import UnionType

import pytest
from mitmproxy.http import HTTPFlow

from addons.call import Call
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.proxy.test_growth import STREAM, leave_early
from tests.records import Records


def simulated(directives: str) -> dict[str, object]:
    return {**STREAM, "metadata": {"simulate": directives}}


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held(kinds: type | UnionType) -> list[str]:
    """Those there are, a while after the last call has ended."""
    end = time.monotonic() + 5
    while True:
        found = [type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds)]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.1)


@pytest.mark.usefixtures("uncollected", "provider")
@pytest.mark.parametrize(
    ("call", "kinds"),
    [
        (post, HTTPFlow | Call),
        (lambda port: post(port, STREAM), HTTPFlow | Call),
        (lambda port: post(port, {**HELLO, "store": True}), HTTPFlow | Call),
        (lambda port: post(port, headers=[("attribution", "no-rid")]), HTTPFlow | Call),
        (lambda port: post(port, simulated("status=500")), HTTPFlow | Call),
        # a connection that has broken off waits for the collector, with the answer it was busy with
        (lambda port: post(port, simulated("cut=2")), HTTPFlow),
        (leave_early, HTTPFlow),
    ],
    ids=["served", "streamed", "refused", "refused by its headers", "failed", "broken off", "given up"],
)
def test_nothing_waits_for_the_collector(
    make_settings: SettingsMaker, records: Records, call: Callable[[int], object], kinds: type | UnionType
) -> None:
    with RunningSidecar(make_settings()) as sidecar:
        for _ in range(3):
            call(sidecar.port)
        records.wait(count=3)
        assert held(kinds) == []
