"""A sidecar in a process of its own, whose every word goes to files."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.commands.program import environment
from tests.ports import free_port
from tests.waiting import LONGEST

PROGRAM: Final = ("tests.canary.faulty",)


class Started:
    """Configured in ``directory``."""

    def __init__(
        self,
        directory: Path,
        words: Sequence[str],
        settings: Mapping[str, Any],
        env: Mapping[str, str],
    ) -> None:
        self.directory = directory
        self.port = free_port()
        listen = {"reverse": f"127.0.0.1:{self.port}", "certificates": str(directory)}
        document = {**settings, "listen": {**listen, **settings.get("listen", {})}}
        (directory / "sidecar.yaml").write_text(json.dumps(document))  # JSON is YAML
        self._words = [*words, "--config", str(directory / "sidecar.yaml")]
        self._env = environment({"PYTHONUNBUFFERED": "1", **env})

    def __enter__(self) -> Self:
        with (self.directory / "stdout").open("wb") as out, (self.directory / "stderr").open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", *PROGRAM, *self._words], env=self._env, stdout=out, stderr=errors
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait(LONGEST)

    def stop(self) -> int:
        """Ends it as an operator does, so that everything is written; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LONGEST)

    def read(self, name: str) -> bytes:
        return (self.directory / name).read_bytes()

    def said(self) -> bytes:
        return self.read("stdout") + self.read("stderr")

    def wait(self, pattern: bytes, count: int = 1) -> re.Match[bytes]:
        """The first match of what it says, as soon as there are ``count``; raises TimeoutError."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            found = list(re.finditer(pattern, self.said()))
            if len(found) >= count:
                return found[0]
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise TimeoutError(f"{pattern!r} was not said {count} times, but {self.said().decode()}")

    def ready(self) -> None:
        """Returns once it listens."""
        self.wait(rb"listening|listens on")

    def say(self, request: bytes) -> bytes:
        """Everything that is answered on a connection of its own; empty where it ends without an answer."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            try:
                connection.sendall(request)
                answer = connection.recv(65536)
                while not _whole(answer) and (piece := connection.recv(65536)):
                    answer += piece
            except (ConnectionError, TimeoutError):
                return b""
        return answer


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length[1])


class Page:
    """mitmweb's page: its API, and all that its websocket says until ``close``."""

    def __init__(self, started: Started) -> None:
        found = started.wait(rb"(http://127\.0\.0\.1:\d+)/\?token=(\w+)")
        self.base, self.token = found[1].decode(), found[2].decode()
        self.http = httpx.Client(base_url=self.base, headers={"Authorization": f"Bearer {self.token}"}, timeout=LONGEST)
        self.http.cookies["_mitmproxy_xsrf"] = self.http.headers["X-XSRFToken"] = "00" * 16
        self.messages: list[str] = []
        self._open = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()))
        self._thread.start()
        assert self._open.wait(LONGEST)

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        address = HTTPRequest(
            self.base.replace("http:", "ws:") + "/updates", headers={"Authorization": f"Bearer {self.token}"}
        )
        self._connection: Any = await websocket_connect(address)
        self._open.set()
        while (message := await self._connection.read_message()) is not None:
            self.messages.append(str(message))

    def surfaces(self) -> dict[str, bytes]:
        """What the API gives at this moment."""
        found = {
            path: self.http.get(path).content
            for path in ("/flows", "/flows/dump", "/options", "/events", "/commands", "/state")
        }
        for flow in json.loads(found["/flows"]):
            for message in ("request", "response"):
                for kind in ("content.data", "content/auto"):
                    path = f"/flows/{flow['id']}/{message}/{kind}"
                    found["flows' content"] = found.get("flows' content", b"") + self.http.get(path).content
        for form in ("curl", "httpie", "raw", "raw_request", "raw_response"):
            exported = self.http.post("/commands/export", json={"arguments": [form, flow["id"]]})
            found[f"the last flow as {form}"] = exported.content
        return found

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._connection.close)
        self._thread.join(LONGEST)
        self.http.close()
