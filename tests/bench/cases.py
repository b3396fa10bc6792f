"""What is measured: the calls, and the rows of the table that are made of them, with the goals set for them."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from addons.gates.route import PATH
from addons.process.banner import MODEL
from tests.bench.histories import history

TOKEN: Final = "bench-caller"
PLAIN, ADDON, SIDECAR, LITELLM = "plain", "addon", "sidecar", "litellm"
NAMES: Final = (PLAIN, ADDON, SIDECAR)
EVERYONE: Final = (*NAMES, LITELLM)
MEGABYTE: Final = 1_000_000

PATHS: Final = {PLAIN: "/v1/responses", ADDON: PATH, SIDECAR: PATH, LITELLM: "/v1/responses"}


def _streamed(directives: str) -> Mapping[str, Any]:
    return {"input": "Hello", "stream": True, "metadata": {"simulate": directives}}


def _image(size: int) -> Mapping[str, Any]:
    url = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * (size * 3 // 4 // 256)).decode()
    return {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]}


class Case(NamedTuple):
    """``calls`` are made in a round at scale 1, over ``threads`` connections at a time, shared by ``proxies``."""

    body: Mapping[str, Any]
    calls: int
    threads: int
    new_connections: bool = False
    contenders: tuple[str, ...] = NAMES
    status: int = 200
    token: str = TOKEN
    proxies: int = 1

    def request(self, contender: str) -> bytes:
        """The whole request, as this contender takes it."""
        content = json.dumps({"model": MODEL, **self.body}).encode()
        head = (
            f"POST {PATHS[contender]} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


JSON: Final = "JSON of 1 KB, connection kept"
TWO: Final = "JSON of 1 KB, two sidecars share the calls"
NEW: Final = "JSON of 1 KB, new connection each"
PACED: Final = "stream of 100 events, 2 ms apart"
BURST: Final = "stream of 100 events, at once"
CROWD: Final = "100 streams at once, an event in 50 ms"
LARGE: Final = "body of 10 MB"
HISTORY: Final = "history of 100 turns, 40 tools (341 KB)"
LONG_HISTORY: Final = "history of 400 turns, 100 tools (1.26 MB)"
POLICY: Final = "refused: store true"
STRANGER: Final = "refused: unknown token"
START: Final = "start"

CASES: Final[Mapping[str, Case]] = {
    JSON: Case({"input": "x" * 900}, 400, 4, contenders=EVERYONE),
    TWO: Case({"input": "x" * 900}, 400, 4, contenders=(SIDECAR,), proxies=2),
    NEW: Case({"input": "x" * 900}, 60, 4, new_connections=True),
    PACED: Case(_streamed("events=92 pause=0.002"), 24, 8),
    BURST: Case(_streamed("events=92"), 40, 4, contenders=EVERYONE),
    CROWD: Case(_streamed("events=12 pause=0.05"), 100, 100),
    LARGE: Case(_image(10 * MEGABYTE), 4, 1),
    HISTORY: Case(json.loads(history(100, 40)), 20, 1),
    LONG_HISTORY: Case(json.loads(history(400, 100)), 10, 1),
    POLICY: Case({"input": "x" * 900, "store": True}, 400, 4, contenders=(SIDECAR,), status=400),
    STRANGER: Case({"input": "x" * 900}, 400, 4, contenders=(SIDECAR,), status=401, token="of-nobody"),
}


COUNTED: Final = (JSON, NEW, BURST, POLICY, STRANGER, HISTORY, LONG_HISTORY)
"""Of which instructions can be counted: valgrind is too slow to keep a stream's pace."""


class Goal(NamedTuple):
    """At most ``times`` the figure of ``against``, ``plus`` so much; or, with ``at_least``, no less than that."""

    against: str
    times: float
    plus: float = 0
    at_least: bool = False


class Row(NamedTuple):
    case: str
    measure: str
    unit: str
    goal: Goal | None = None


SERVING: Final = "serving"
ROWS: Final = (
    Row(JSON, "instructions", "million instructions a call", Goal(PLAIN, 0.7)),
    Row(JSON, "cpu", "CPU ms a call", Goal(PLAIN, 0.75)),
    Row(JSON, "rate", "calls a second", Goal(LITELLM, 15, at_least=True)),
    Row(TWO, "cpu", "CPU ms a call"),
    Row(TWO, "rate", "calls a second"),
    Row(NEW, "instructions", "million instructions a call", Goal(PLAIN, 0.7)),
    Row(NEW, "cpu", "CPU ms a call", Goal(PLAIN, 0.7)),
    Row(NEW, "rate", "calls a second"),
    Row(PACED, "cpu", "CPU ms a call", Goal(ADDON, 0.6)),
    Row(PACED, "first_byte", "ms to the first byte", Goal(PLAIN, 1)),
    Row(BURST, "instructions", "million instructions a call", Goal(ADDON, 0.6)),
    Row(BURST, "cpu", "CPU ms a call", Goal(ADDON, 0.6)),
    Row(BURST, "first_byte", "ms to the first byte"),
    Row(CROWD, "cpu", "CPU ms a call"),
    Row(CROWD, "first_byte_p99", "ms to the first byte, p99", Goal(PLAIN, 1)),
    Row(LARGE, "cpu", "CPU ms a call", Goal(PLAIN, 1.25)),
    Row(LARGE, "first_byte", "ms to the first byte"),
    Row(HISTORY, "instructions", "million instructions a call"),
    Row(HISTORY, "cpu", "CPU ms a call", Goal(PLAIN, 1.3)),
    Row(HISTORY, "first_byte", "ms to the first byte"),
    Row(LONG_HISTORY, "instructions", "million instructions a call"),
    Row(LONG_HISTORY, "cpu", "CPU ms a call", Goal(PLAIN, 1.4)),
    Row(LONG_HISTORY, "first_byte", "ms to the first byte"),
    Row(POLICY, "instructions", "million instructions a call", Goal(SERVING, 0.5)),
    Row(POLICY, "cpu", "CPU ms a call", Goal(SERVING, 0.5)),
    Row(STRANGER, "instructions", "million instructions a call", Goal(SERVING, 0.5)),
    Row(STRANGER, "cpu", "CPU ms a call", Goal(SERVING, 0.5)),
    Row(START, "start", "s to the first served call", Goal(PLAIN, 1.5)),
    Row(START, "memory", "MB at rest after it", Goal(PLAIN, 1, plus=25)),
)
