"""Bodies poured out, before their caller is known or made to cost the most: what a process holds of them is bounded."""

import contextlib
import json
import re
import socket
from pathlib import Path

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.faults.raw_provider import Pause, RawProvider, Script
from tests.faults.test_dependencies import verifying
from tests.fuzz.test_bytes import FLOODS, MEGABYTE
from tests.process.conftest import DocumentMaker, make_document, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import post
from tests.proxy.running import RunningSidecar
from tests.proxy.test_odd_http import IN_CHUNKS, head
from tests.records import Records
from tests.soak.program import megabytes
from tests.tally import Tally

__all__ = ["make_document"]

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


def most(process: int) -> float:
    """Megabytes that a process has held at its most."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) / 1024


@pytest.mark.long
@pytest.mark.parametrize("flood", FLOODS)
def test_what_a_process_holds_at_its_most(
    make_document: DocumentMaker, provider: SimulatedProvider, tally: Tally, tmp_path: Path, flood: str
) -> None:
    """Of each flood as a body of a call; a process each, since memory that was held once is seldom given back."""
    body = json.dumps({"model": MODEL})[:-1].encode() + b"," + FLOODS[flood]()[1:]
    with SidecarProcess(written(tmp_path, make_document())) as sidecar:
        assert post(sidecar.port).status == 200
        before = most(sidecar.pid)
        assert post(sidecar.port, body).status in {200, 400}
        more = most(sidecar.pid) - before
        assert post(sidecar.port).status == 200
    size = len(body) / MEGABYTE
    figures = f"{before:.0f} MB before, {more:+.0f} MB at its most"
    tally.add("memory", f"a process in a flood: {flood}, {size:.1f} MB", tried=1, lost=0, figures=figures)
    assert more < 100 * max(size, 1)
