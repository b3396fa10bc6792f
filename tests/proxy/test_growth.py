"""Nothing of a call stays when it is over: no descriptor, no entry in a table, no Call."""

import contextlib
import gc
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sized
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from addons.call import Call
from addons.exchange.exchange import Exchange
from addons.exchange.relay import Relay
from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.exchange.upstream.counted import idle
from tests.proxy.client import HELLO, post, request_bytes
from tests.proxy.running import RunningSidecar
from tests.proxy.test_odd_http import IN_CHUNKS, head
from tests.records import Records
from tests.waiting import LONGEST

CALLS = 500
AT_ONCE = 8
STREAM = {**HELLO, "stream": True}


def leave_early(port: int) -> None:
    """A caller that hangs up while the provider still thinks."""
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.sendall(request_bytes({**STREAM, "metadata": {"simulate": "hold=1"}}))
        caller.recv(1)


def reset_amid_a_stream(port: int) -> None:
    """A caller whose connection is reset while its answer is being written, again and again."""
    for pieces in range(1, 11):
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(request_bytes({**STREAM, "metadata": {"simulate": "events=3000"}}))
            caller.recv(5000 * pieces)
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def play(port: int, number: int) -> None:
    match number % 10:
        case 0:
            leave_early(port)
        case 1:
            assert post(port, {**HELLO, "store": True}).status == 400
        case 2:
            assert post(port, {**HELLO, "metadata": {"simulate": "status=500"}}).status == 500
        case 3:
            assert post(port, {**STREAM, "metadata": {"simulate": "cut=2"}}).status == 200
        case 4 | 5 | 6:
            assert post(port, STREAM).status == 200
        case _:
            assert post(port).status == 200


def descriptors() -> Mapping[str, int]:
    return {"descriptors": len(list(Path("/dev/fd").iterdir()))}


def held(sidecar: RunningSidecar) -> Mapping[str, int]:
    """How much each table of each addon holds, and how many Calls there are."""
    gc.collect()
    sizes = {
        f"{part.name}.{name}": len(value)
        for part in sidecar.addons
        for name, value in vars(part).items()
        if isinstance(value, Sized)
    }
    sizes |= {"under way": len(sidecar.services.under_way)}
    return sizes | {"calls": sum(isinstance(each, Call) for each in gc.get_objects())}


def kept(sidecar: RunningSidecar) -> Mapping[str, int]:
    """Connections to the provider that are kept for the next call."""
    return {"idle": idle(sidecar.services.to_provider)}


def back_to(measure: Callable[[], Mapping[str, int]], before: Mapping[str, int]) -> Mapping[str, int]:
    """What is more than before, once nothing is or it hangs: connections take a moment to close."""
    end = time.monotonic() + LONGEST
    while True:
        more = {name: size for name, size in measure().items() if size > before[name]}
        if not more or time.monotonic() > end:
            return more
        time.sleep(0.1)


def test_nothing_grows(make_settings: SettingsMaker, provider: SimulatedProvider, records: Records) -> None:
    settings = make_settings(provider={"pool": {"idle_seconds": 1}})  # else as many stay as were once busy at a time
    with RunningSidecar(settings) as sidecar, ThreadPoolExecutor(AT_ONCE) as callers:
        tables = held(sidecar)
        assert (tables["sidecar-listener._open"], tables["under way"]) == (0, 0)

        def play_all(count: int) -> None:
            list(callers.map(lambda number: play(sidecar.port, number), range(count)))
            records.wait(count=count)
            records.clear()
            provider.clear()

        play_all(20)  # so that threads and their descriptors are there
        assert back_to(lambda: held(sidecar), tables) == {}
        assert back_to(lambda: kept(sidecar), {"idle": 0}) == {}
        files = descriptors()
        play_all(CALLS)
        assert back_to(lambda: held(sidecar), tables) == {}
        assert back_to(descriptors, files) == {}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """What refers to itself stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param(partial(play, number=0), id="the caller hung up"),
        pytest.param(partial(play, number=1), id="refused"),
        pytest.param(partial(play, number=2), id="the provider failed"),
        pytest.param(partial(play, number=3), id="a stream was cut"),
        pytest.param(partial(play, number=4), id="a stream was served"),
        pytest.param(partial(play, number=9), id="served"),
        pytest.param(reset_amid_a_stream, id="the caller was reset while being written to"),
    ],
)
@pytest.mark.usefixtures("uncollected", "provider")
def test_a_call_that_has_ended_is_free_at_once(
    make_settings: SettingsMaker, records: Records, calls: Callable[[int], None]
) -> None:
    """Else its bodies would stay until the collector of garbage comes by."""
    with RunningSidecar(make_settings()) as sidecar:
        calls(sidecar.port)
        records.wait(count=1)
        assert back_to(living, dict.fromkeys(living(), 0)) == {}


def living() -> Mapping[str, int]:
    kinds = [type(each) for each in gc.get_objects()]
    return {kind.__name__: kinds.count(kind) for kind in (Call, Exchange, Relay)}


@pytest.mark.parametrize(
    "sent", [head(IN_CHUNKS) + b"zz\r\n", head(b"Content-Length: 70000000")], ids=["malformed", "too large"]
)
def test_a_caller_that_talks_on_leaves_nothing(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, sent: bytes
) -> None:
    """However much it sends behind what refuses it."""
    with RunningSidecar(make_settings()) as sidecar:
        post(sidecar.port)
        before = descriptors()
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller, contextlib.suppress(OSError):
                caller.sendall(sent + b"a" * 2_000_000)
                caller.recv(100)
        assert back_to(descriptors, before) == {}
