"""A caller that pours out a body while its token is still being looked at: what is held of it is bounded."""

import contextlib
import socket
from pathlib import Path

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.faults.raw_provider import Pause, RawProvider, Script
from tests.faults.test_dependencies import verifying
from tests.proxy.running import RunningSidecar
from tests.proxy.test_odd_http import IN_CHUNKS, head
from tests.records import Records
from tests.soak.program import megabytes
from tests.tally import Tally

POURED = 300_000_000  # bytes


def test_a_body_poured_out_before_its_caller_is_known(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tally: Tally, tmp_path: Path
) -> None:
    chunk = b"%x\r\n%s\r\n" % (1_000_000, b"a" * 1_000_000)
    caller_of = verifying("introspection", 1, tmp_path)
    with RawProvider({}, at_once=Script((Pause(30),))) as silent:
        caller_of["introspection"] |= {"url": f"http://127.0.0.1:{silent.port}", "deadline_seconds": 3.0}
        with RunningSidecar(make_settings(caller=caller_of)) as sidecar:
            before, poured = megabytes(), 0
            with socket.create_connection(("127.0.0.1", sidecar.port), 2) as caller, contextlib.suppress(OSError):
                caller.sendall(head(IN_CHUNKS))
                while poured < POURED:
                    caller.sendall(chunk)
                    poured += len(chunk)
            more = megabytes() - before
            records.wait()
    figures = f"{poured / 1e6:.0f} MB sent, {more:.0f} MB held"
    tally.add("faults", "a body before its caller is known", tried=1, lost=0, figures=figures)
    assert more < 100
    assert provider.calls == []
