"""A sidecar started as a person starts it, in a process of its own, and the records it writes."""

import hashlib
import json
import os
import queue
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from addons.foundry.caller import SCOPE
from tests.waiting import LONGEST

RUN: Final = Path(__file__).parent.parent.parent / "run.sh"
TOKEN: Final = "token-of-a-caller-who-may-use-models"
TOKEN_WITHOUT_SCOPE: Final = "token-of-a-caller-who-may-not"
REGISTRY: Final = (
    {"sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "subject": "client", "scopes": [SCOPE]},
    {"sha256": hashlib.sha256(TOKEN_WITHOUT_SCOPE.encode()).hexdigest(), "subject": "other", "scopes": ["api:x"]},
)


@dataclass(frozen=True)
class Started:
    """``port`` speaks HTTP and TLS; ``authority`` verifies the latter; ``addresses`` are all that are listened on."""

    port: int
    authority: Path
    lines: "queue.Queue[dict[str, Any]]"
    addresses: Sequence[str]

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        return f"http://localhost:{self.port}/api/v2/llm/proxy/openai/v1"

    def record(self) -> dict[str, Any]:
        """The record of the next call not asked for yet; raises queue.Empty when none comes."""
        while (line := self.lines.get(timeout=LONGEST))["event"] != "call":
            pass
        return line

    def forget(self) -> None:
        """Drops the records of all calls that have been answered.

        A record may come a moment after its answer, so this makes a call of its own and waits for that one's. It asks
        for the models, with a token: refusals of callers that nobody knows are summed up.
        """
        own = secrets.token_hex(16)
        headers = {"Authorization": f"Bearer {TOKEN}", "traceparent": f"00-{own}-{own[:16]}-00"}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=LONGEST)
        connection.request("GET", "/api/v2/llm/proxy/openai/v1/models", headers=headers)
        assert connection.getresponse().status == 200
        connection.close()
        while self.record().get("trace_id") != own:
            pass


@contextmanager
def started(directory: Path, document: Mapping[str, Any], authority: Path) -> Iterator[Started]:
    """Runs ``start`` with this configuration. Raises RuntimeError when the process ends before it listens."""
    config = directory / "sidecar.yaml"
    config.write_text(json.dumps(document))  # JSON is YAML
    command = [str(RUN), "start", "--config", str(config)]
    environment = os.environ | {"SIDECAR_VENV": sys.prefix}
    lines: queue.Queue[dict[str, Any]] = queue.Queue()
    other: list[str] = []

    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:

        def read() -> None:
            assert process.stdout
            for line in process.stdout:
                try:
                    lines.put(json.loads(line))
                except ValueError:
                    other.append(line)
            lines.put({"event": "ended"})

        reader = threading.Thread(target=read)
        reader.start()
        try:
            while (line := lines.get(timeout=LONGEST))["event"] != "listening":
                if line["event"] == "ended":
                    raise RuntimeError("the sidecar did not start:\n" + "".join(other))
            port = int(line["addresses"][0].rpartition(":")[2])
            yield Started(port, authority, lines, line["addresses"])
        finally:
            process.terminate()
            reader.join()
