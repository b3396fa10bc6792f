"""``./run.sh web`` in a process of its own, and its page as a program sees it."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pytest
from openai import BadRequestError, OpenAI
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PATH, PROVIDER_KEY
from tests.waiting import LONGEST

ROOT = Path(__file__).parent.parent.parent
TOKEN = "token-of-the-caller-who-is-looked-at"
COOKIE = "cookie-that-nobody-should-see"
PROJECT = "ri.compass.main.folder.the-project"


def configuration(directory: Path, provider: SimulatedProvider, **sections: Any) -> Path:
    """A file for development mode against the provider, with these sections besides."""
    (directory / "key").write_text(PROVIDER_KEY)
    document = {
        "listen": {"reverse": "127.0.0.1:0", "certificates": str(directory)},
        "provider": {
            "zero_data_retention": "attested",
            "trusted_ca": str(provider.ca_file),
            "regions": {"global": {"url": provider.url, "api_key": {"file": "key"}}},
        },
        "caller": {"verifier": "development"},
        "usage": {"ledger": "off"},
        **sections,
    }
    file = directory / "sidecar.yaml"
    file.write_text(json.dumps(document))  # JSON is YAML
    return file


class Web:
    """Starts on enter, stops on exit. ``sections`` are further ones of its configuration."""

    def __init__(
        self,
        directory: Path,
        provider: SimulatedProvider,
        sections: Mapping[str, Any] | None = None,
        **inspect: Any,
    ) -> None:
        self._file = configuration(directory, provider, inspect={"port": 0, **inspect}, **(sections or {}))
        self.output: list[str] = []
        self.errors: list[str] = []
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIDECAR_")}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "addons", "web", "--config", self._file],
            env={**kept, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.output)),
            threading.Thread(target=self._read, args=(self.process.stderr, self.errors)),
        ]
        for reader in self._readers:
            reader.start()
        try:
            self._attach()
        except BaseException:
            self._stop()
            raise
        return self

    def _attach(self) -> None:
        self.page = self._wait(self.errors, r"http://127\.0\.0\.1:\d+/\?token=\w+")[0]
        listening = self._wait(self.errors, r"listens on 127\.0\.0\.1:(\d+)")
        self.port = int(listening[1])
        self.base, _, self.page_token = self.page.partition("/?token=")
        self.http = httpx.Client(base_url=self.base, headers={"Authorization": f"Bearer {self.page_token}"})
        self.http.cookies["_mitmproxy_xsrf"] = self.http.headers["X-XSRFToken"] = "00" * 16
        self.sdk = OpenAI(
            base_url=f"http://127.0.0.1:{self.port}{PATH.removesuffix('/responses')}",
            api_key=TOKEN,
            max_retries=0,
            default_headers={"attribution": PROJECT, "Cookie": f"session={COOKIE}"},
        )

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.http.close()
        self.sdk.close()
        self._stop()

    def _stop(self) -> None:
        self.process.terminate()
        self.process.wait(LONGEST)
        for reader in self._readers:
            reader.join(LONGEST)
        assert self.process.stdout
        assert self.process.stderr
        self.process.stdout.close()
        self.process.stderr.close()

    def flows(self, count: int) -> list[dict[str, Any]]:
        """The flows of the page, oldest first, once so many have ended."""
        self._wait(self.output, rf'(?s)(?:"event": ?"call".*){{{count}}}')
        found: list[dict[str, Any]] = self.http.get("/flows").json()
        while not (len(found) >= count and all(flow["marked"] not in {"", "⏳"} for flow in found)):
            found = self.http.get("/flows").json()
        return found

    def view(self, flow: Mapping[str, Any], message: str) -> str:
        """What the page shows of a flow's request or response when nobody chose a view."""
        answer = self.http.get(f"/flows/{flow['id']}/{message}/content/auto").json()
        assert answer["view_name"] == "Conversation"
        return str(answer["text"])

    def forget(self) -> None:
        self.http.post("/clear").raise_for_status()
        with self._changed:
            self.output.clear()

    def _read(self, stream: Any, lines: list[str]) -> None:
        for line in stream:
            with self._changed:
                lines.append(line)
                self._changed.notify_all()

    def _wait(self, lines: list[str], pattern: str) -> re.Match[str]:
        def found() -> re.Match[str] | None:
            return re.search(pattern, "".join(lines))

        with self._changed:
            if match := self._changed.wait_for(found, LONGEST):
                return match
        raise TimeoutError(f"{pattern} did not come; said: {self.output} {self.errors}")


def timeless(comment: str) -> str:
    """A comment without the time of day, and without what only moves it to the left."""
    return re.sub(r"(?<= )\d\d:\d\d:\d\d ", "", comment).rstrip()


class Updates:
    """Everything the page's websocket says between enter and exit."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._open = threading.Event()
        self.messages: list[str] = []

    def __enter__(self) -> list[str]:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()))
        self._thread.start()
        assert self._open.wait(LONGEST)
        return self.messages

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._connection.close)
        self._thread.join(LONGEST)

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        address = self._web.base.replace("http:", "ws:") + "/updates"
        authorization = {"Authorization": f"Bearer {self._web.page_token}"}
        self._connection: Any = await websocket_connect(HTTPRequest(address, headers=authorization))
        self._open.set()
        while (message := await self._connection.read_message()) is not None:
            self.messages.append(str(message))


def ask_in_the_background(web: Web, **asked: Any) -> threading.Thread:
    def stream() -> None:
        with web.sdk.responses.stream(model=MODEL, input="Tell me", **asked) as running:
            for _ in running:
                pass

    thread = threading.Thread(target=stream)
    thread.start()
    return thread


def three_calls(web: Web, provider: SimulatedProvider) -> None:
    """One in a piece with instructions, a tool and an image; one streamed; one refused."""
    provider.script("reasoning usage=100,40,20,8")
    web.sdk.responses.create(
        model=MODEL,
        instructions="Be kind.",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is in this picture?"},
                    {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 400, "detail": "low"},
                ],
            }
        ],
        tools=[{"type": "function", "name": "weather", "parameters": {}, "strict": False}],
    )
    provider.script("tool_call")
    with web.sdk.responses.stream(
        model=MODEL,
        input="And the weather?",
        tools=[{"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}],
    ) as stream:
        for _ in stream:
            pass
    with pytest.raises(BadRequestError, match="store is refused"):
        web.sdk.responses.create(model=MODEL, input="Keep this", store=True)
