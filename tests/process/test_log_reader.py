"""The reader of the log decides nothing about calls: neither a slow one, nor one that is gone, nor a full disk."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.commands.program import COMMAND, environment
from tests.ports import free_port
from tests.process.conftest import DocumentMaker, written
from tests.process.test_drain import HELD, last_event
from tests.proxy.client import post, read_reply, request_bytes
from tests.waiting import LONGEST

CALLS = 80
HELD_BYTES = 20_000

SMALL = f"""
import sys
from addons.journal import lines
lines.HELD = {HELD_BYTES}
lines.LineWriter.__init__.__defaults__ = (lines.HELD,)
from addons.__main__ import main
sys.exit(main())
"""
"""The program with little room for lines that wait."""


@contextmanager
def started(config: Path, stdout: int | IO[Any], command: list[str] = COMMAND) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*command, "start", "--config", str(config)],
        env=environment(),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(LONGEST)
        assert process.stderr
        process.stderr.close()


def events(pipe: int) -> list[dict[str, Any]]:
    with os.fdopen(pipe) as reader:
        return [json.loads(line) for line in reader]


def test_a_reader_that_stops_reading_stops_no_call(make_document: DocumentMaker, tmp_path: Path) -> None:
    """And what was dropped is told once it reads again."""
    port = free_port()
    listen = {"reverse": f"127.0.0.1:{port}", "admin": f"127.0.0.1:{free_port()}"}
    config = written(tmp_path, make_document(listen=listen))
    reading, writing = os.pipe()
    with started(config, writing, [sys.executable, "-P", "-c", SMALL]) as process:
        os.close(writing)
        said = b""
        while b'"listening"' not in said:
            said += os.read(reading, 65536)
        room = 65536 // 1000  # records that the pipe itself holds
        for _ in range(CALLS + room):
            assert post(port).status == 200
        admin = int(listen["admin"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", admin), 20) as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            metrics = read_reply(connection).body.decode()
        (dropped,) = [line for line in metrics.splitlines() if line.startswith("foundry_sidecar_log_dropped_total ")]
        assert float(dropped.split()[1]) > 10
        process.send_signal(signal.SIGTERM)
        found = events(reading)
        assert process.wait(LONGEST) == 0
    records = [event for event in found if event["event"] == "call"]
    missed = sum(event["lines"] for event in found if event["event"] == "log_lines_dropped")
    assert missed >= float(dropped.split()[1])
    assert len(records) + missed >= CALLS + room


@pytest.mark.parametrize("gone", ["closed", "full from the start"])
def test_without_a_log_calls_under_way_end_well_and_the_process_says_why(
    make_document: DocumentMaker, provider: SimulatedProvider, tmp_path: Path, gone: str
) -> None:
    port = free_port()
    config = written(tmp_path, make_document(listen={"reverse": f"127.0.0.1:{port}"}))
    if gone == "closed":
        reading, writing = os.pipe()
        with started(config, writing) as process:
            os.close(writing)
            said = b""
            while b'"listening"' not in said:
                said += os.read(reading, 65536)
            with socket.create_connection(("127.0.0.1", port), 20) as caller:
                caller.sendall(request_bytes(HELD))
                (call,) = provider.wait_for_calls()
                os.close(reading)
                assert post(port).status == 200  # its record finds nobody
                call.release()
                assert last_event(read_reply(caller))["type"] == "response.completed"
            _, errors = process.communicate(timeout=LONGEST)
    else:
        with Path("/dev/full").open("w") as full, started(config, full) as process:
            _, errors = process.communicate(timeout=LONGEST)
    assert process.returncode == 1
    why = "Broken pipe" if gone == "closed" else "No space left on device"
    assert f"The log could not be written ({why})" in errors
    assert "Traceback" not in errors
