"""kill -9 under load: every call that reached the provider has its row."""

import http.client
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from addons.simulator.provider import SimulatedProvider
from addons.usage.ledger_file import connect_to_read
from tests.conftest import PATH, PROVIDER_KEY
from tests.proxy.client import HELLO, TOKEN

ROOT = Path(__file__).parent.parent.parent
BUSY, HANGING, ENOUGH = 6, 4, 60
BLOCKED = 0.5  # seconds in which calls would leave without a row, if they could


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "usage.sqlite"


@pytest.fixture
def config(provider: SimulatedProvider, tmp_path: Path, path: Path) -> Path:
    (tmp_path / "key").write_text(PROVIDER_KEY)
    document = {
        "listen": {"reverse": "127.0.0.1:0", "certificates": str(tmp_path)},
        "provider": {
            "trusted_ca": str(provider.ca_file),
            "regions": {"global": {"url": provider.url, "api_key": {"file": "key"}}},
        },
        "caller": {"verifier": "development"},
        "usage": {"ledger": path.name},
        "log": {"format": "json"},
    }
    file = tmp_path / "sidecar.yaml"
    file.write_text(json.dumps(document))  # JSON is YAML
    return file


class Callers:
    """Call until the sidecar is gone. Each call's trace id is also its request id, which travels on."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._threads = [threading.Thread(target=self._call, args=("hang",)) for _ in range(HANGING)]
        self._threads += [threading.Thread(target=self._call, args=("usage=9,0,9,0",)) for _ in range(BUSY)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _call(self, simulate: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        body = json.dumps({**HELLO, "metadata": {"simulate": simulate}})
        try:
            while True:
                trace = os.urandom(16).hex()
                headers = {
                    "Authorization": f"Bearer {TOKEN}",
                    "Content-Type": "application/json",
                    "traceParent": f"00-{trace}-{os.urandom(8).hex()}-01",
                    "X-Client-Request-Id": trace,
                }
                connection.request("POST", PATH, body, headers)
                connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()


def test_what_reached_the_provider_is_in_the_ledger(provider: SimulatedProvider, config: Path, path: Path) -> None:
    command = [sys.executable, "-P", "-m", "addons", "start", "--config", str(config)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=config.parent, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            listening = next(line for line in process.stdout if json.loads(line)["event"] == "listening")
            drain = threading.Thread(target=process.stdout.read)
            drain.start()
            callers = Callers(int(json.loads(listening)["addresses"][0].rpartition(":")[2]))
            provider.wait_for_calls(ENOUGH)
            with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
                blocker.execute("BEGIN IMMEDIATE")  # no row can be written any more, so no call may leave
                time.sleep(BLOCKED)
                process.kill()
        finally:
            process.kill()
        callers.join()
        drain.join()

    reached = {call.values("x-client-request-id")[0] for call in provider.calls}
    connection = connect_to_read(path)
    rows = connection.execute("SELECT trace_id, state, input_tokens FROM call").fetchall()
    connection.close()
    assert len(rows) == len({trace for trace, _, _ in rows})
    assert len(reached) >= ENOUGH
    assert reached <= {trace for trace, _, _ in rows}
    states = {trace: (state, tokens) for trace, state, tokens in rows}
    assert sum(states[trace] == ("open", None) for trace in reached) >= HANGING
    assert ("closed", 9) in states.values()
