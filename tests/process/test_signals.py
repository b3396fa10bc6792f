"""Signals: Ctrl-C before the sidecar runs, and those that mitmproxy listens to."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.commands.program import COMMAND, environment
from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import post
from tests.waiting import LONGEST

AS_KILLED = -signal.SIGINT


@pytest.mark.parametrize("library", ["_pydantic_core", "jiter", "msgspec", "_rust.abi3", "mitmproxy_rs"])
def test_it_ends_without_a_traceback(make_document: DocumentMaker, tmp_path: Path, library: str) -> None:
    """``library``: what has just been loaded when the signal comes."""
    command = [*COMMAND, "start", "--config", str(written(tmp_path, make_document()))]
    command = ["env", "--default-signal=INT", *command]  # a shell's background jobs ignore it
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as starting:
        loaded = Path(f"/proc/{starting.pid}/maps")
        while library not in loaded.read_text() and starting.poll() is None:
            time.sleep(0.001)
        starting.send_signal(signal.SIGINT)
        said, errors = starting.communicate(timeout=LONGEST)
    assert errors == b""
    assert starting.returncode in {AS_KILLED, 130, 0}
    for line in said.splitlines():
        json.loads(line)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_mitmproxys_own_print_nothing_among_the_lines(
    make_document: DocumentMaker, tmp_path: Path, number: signal.Signals
) -> None:
    with SidecarProcess(written(tmp_path, make_document())) as sidecar:
        sidecar.signal(number)
        assert post(sidecar.port).status == 200
        sidecar.signal()
        assert sidecar.exit_code() == 0
    assert sidecar.records.of("plain") == []
