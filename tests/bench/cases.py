"""What is measured: the calls that are made, and of whom. What is shown of them: ``rows.py``."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from addons.foundry.paths import BASE
from addons.process.banner import MODEL
from tests.bench.histories import history

TOKEN: Final = "bench-caller"
LITELLM_KEY: Final = "sk-bench"
"""LiteLLM's master key, which the bench gives it; it takes none that does not begin with ``sk-``."""

PLAIN, ADDON, SIDECAR, LITELLM = "plain", "addon", "sidecar", "litellm"
NAMES: Final = (PLAIN, ADDON, SIDECAR)
EVERYONE: Final = (*NAMES, LITELLM)
MEGABYTE: Final = 1_000_000

BASES: Final = {PLAIN: "/v1", ADDON: BASE, SIDECAR: BASE, LITELLM: "/v1"}

JSON: Final = "JSON of 1 KB, connection kept"

type Body = Mapping[str, Any]
type Bodies = Callable[[int], Body]
"""The body of the call of that number; number 0 is made before those that count."""


def _same(body: Body) -> Bodies:
    return lambda _number: body


def _streamed(directives: str) -> Body:
    return {"input": "Hello", "stream": True, "metadata": {"simulate": directives}}


def _talk(text: str, **members: Any) -> Body:
    return {"messages": [{"role": "user", "content": text}], **members}


def _image(size: int) -> Body:
    url = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * (size * 3 // 4 // 256)).decode()
    return {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]}


def _first_seen(turns: int, tools: int) -> Bodies:
    """Each call is of a conversation of its own, of which nothing was seen before."""
    return lambda number: json.loads(history(turns, tools, conversation=number))


def _one_turn_more(turns: int, tools: int) -> Bodies:
    """One conversation, longer by a turn with each call."""
    return lambda number: json.loads(history(turns + number, tools))


class Case(NamedTuple):
    """``calls`` are made in a round at scale 1, over ``threads`` connections at a time, shared by ``proxies``.

    ``varies``: each call has a body of its own. ``far``: the provider is ``contenders.AWAY`` seconds away. ``beside``:
    a stream with an event each 2 ms passes through the same proxy, and how long its events are on their way is noted.
    ``path``: of the API that is asked. ``like``: the case that one is compared with which only the sidecar has.
    """

    bodies: Bodies
    calls: int
    threads: int
    new_connections: bool = False
    contenders: tuple[str, ...] = NAMES
    status: int = 200
    token: str = TOKEN
    proxies: int = 1
    varies: bool = False
    far: bool = False
    beside: bool = False
    path: str = "/responses"
    like: str = JSON

    def requests(self, contender: str, calls: int) -> Iterator[bytes]:
        """The whole requests, as this contender takes them: one for all, or one for each call and one before."""
        for number in range(calls + 1 if self.varies else 1):
            yield self._request(contender, self.bodies(number))

    def stream_beside(self, contender: str) -> bytes:
        """The request for the stream beside the calls, which is longer than they can last."""
        return self._request(contender, _streamed("events=20000 pause=0.002 sent"))

    def _request(self, contender: str, body: Body) -> bytes:
        content = json.dumps({"model": MODEL, **body}).encode()
        token = LITELLM_KEY if contender == LITELLM else self.token
        head = (
            f"POST {BASES[contender]}{self.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


CHAT: Final = "chat completion of 1 KB, connection kept"
TWO: Final = "JSON of 1 KB, two sidecars share the calls"
NEW: Final = "JSON of 1 KB, new connection each"
FAR: Final = "a new caller's first call, provider 50 ms away"
PACED: Final = "stream of 100 events, 2 ms apart"
BURST: Final = "stream of 100 events, at once"
CHAT_BURST: Final = "chat completion's stream of 100 events, at once"
CROWD: Final = "100 streams at once, an event in 50 ms"
LARGE: Final = "body of 10 MB"
LARGER: Final = "body of 20 MB"
HISTORY: Final = "history of 100 turns, 40 tools (341 KB), first seen"
HISTORY_MORE: Final = "history of 100 turns, 40 tools, one turn more"
HISTORY_BESIDE: Final = "a stream beside histories of 100 turns, first seen"
LONG: Final = "history of 400 turns, 100 tools (1.26 MB), first seen"
LONG_MORE: Final = "history of 400 turns, 100 tools, one turn more"
LONG_BESIDE: Final = "a stream beside histories of 400 turns, first seen"
POLICY: Final = "refused: store true"
STRANGER: Final = "refused: unknown token"
START: Final = "start"

_CHAT: Final = "/chat/completions"
_SMALL: Final = {"input": "x" * 900}
_STREAMING: Final = (ADDON, SIDECAR)  # plain holds streams back whole

CASES: Final[Mapping[str, Case]] = {
    JSON: Case(_same(_SMALL), 400, 4, contenders=EVERYONE),
    CHAT: Case(_same(_talk("x" * 900)), 400, 4, contenders=(SIDECAR,), path=_CHAT),
    TWO: Case(_same(_SMALL), 400, 4, contenders=(SIDECAR,), proxies=2),
    NEW: Case(_same(_SMALL), 60, 4, new_connections=True),
    FAR: Case(_same(_SMALL), 6, 1, new_connections=True, far=True),
    PACED: Case(_same(_streamed("events=92 pause=0.002")), 24, 8),
    BURST: Case(_same(_streamed("events=92")), 40, 4, contenders=EVERYONE),
    CHAT_BURST: Case(
        _same(_talk("simulate: events=96", stream=True)), 40, 4, contenders=(SIDECAR,), path=_CHAT, like=BURST
    ),
    CROWD: Case(_same(_streamed("events=12 pause=0.05")), 100, 100),
    LARGE: Case(_same(_image(10 * MEGABYTE)), 4, 1),
    LARGER: Case(_same(_image(20 * MEGABYTE)), 2, 1),
    HISTORY: Case(_first_seen(100, 40), 10, 1, varies=True),
    HISTORY_MORE: Case(_one_turn_more(100, 40), 10, 1, varies=True),
    HISTORY_BESIDE: Case(_first_seen(100, 40), 10, 1, varies=True, contenders=_STREAMING, beside=True),
    LONG: Case(_first_seen(400, 100), 5, 1, varies=True),
    LONG_MORE: Case(_one_turn_more(400, 100), 5, 1, varies=True),
    LONG_BESIDE: Case(_first_seen(400, 100), 5, 1, varies=True, contenders=_STREAMING, beside=True),
    POLICY: Case(_same({**_SMALL, "store": True}), 400, 4, contenders=(SIDECAR,), status=400),
    STRANGER: Case(_same(_SMALL), 400, 4, contenders=(SIDECAR,), status=401, token="of-nobody"),
}


COUNTED: Final = (JSON, CHAT, NEW, BURST, CHAT_BURST, POLICY, STRANGER, HISTORY, HISTORY_MORE, LONG, LONG_MORE)
"""Of which instructions can be counted: valgrind is too slow to keep a stream's pace."""
