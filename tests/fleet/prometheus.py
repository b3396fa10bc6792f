"""A real Prometheus, as Debian ships it, and its promtool."""

import json
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.waiting import LONGEST, eventually


def program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"no {name}: apt install prometheus"
    return found


def promtool(*arguments: str | Path) -> str:
    """What it says. Raises AssertionError: something is wrong."""
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Prometheus:
    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **words: str) -> Any:
        """The data of an answer of its API. Raises AssertionError: it refused the question."""
        url = f"{self._address}/api/v1/{path}?{urllib.parse.urlencode(words)}"
        try:
            with urllib.request.urlopen(url, timeout=LONGEST) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    def query(self, expression: str) -> list[Any]:
        found: list[Any] = self.ask("query", query=expression)["result"]
        return found


@contextmanager
def scraping(target: int, directory: Path, rules: Path) -> Iterator[Prometheus]:
    """One that reads ``/metrics`` of a loopback port, and evaluates rules."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = directory / "prometheus.yml"
    configuration.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(rules)],
                "scrape_configs": [{"job_name": "sidecars", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}],
            }
        )
    )
    process = subprocess.Popen(
        [
            program("prometheus"), f"--config.file={configuration}", f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        eventually(lambda: _ready(port, process))
        yield Prometheus(port)
    finally:
        process.kill()
        process.wait(LONGEST)


def _ready(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "Prometheus ended"
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=LONGEST).close()
    except OSError:  # nobody listens, or 503
        return False
    return True
