"""Addon: records the calls that the provider answered into a cassette."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary

import structlog
from mitmproxy import http

from addons.call import Call
from addons.calls import Calls
from addons.cassettes.cassette import SHOWN_HEADERS, SHOWN_PREFIX, CassetteError
from addons.cassettes.tape import Heard, Tape
from addons.passage import Passage

_log = structlog.get_logger("sidecar.cassette")


class Recorder:
    """Stands behind the Relay among the addons, whose Passage it listens at."""

    name = "sidecar-recorder"

    def __init__(self, calls: Calls, tape: Tape, quotes_key: Callable[[http.HTTPFlow, bytes], bool]) -> None:
        self._calls = calls
        self._quotes_key = quotes_key
        self._tape = tape
        self._heard: WeakKeyDictionary[http.HTTPFlow, Heard] = WeakKeyDictionary()
        self._failures: WeakKeyDictionary[http.HTTPFlow, http.Response] = WeakKeyDictionary()

    def running(self) -> None:
        try:
            self._tape.start()
        except CassetteError as error:  # an error that is logged now stops the start
            _log.error("cassette_not_opened", why=str(error))
        else:
            _log.warning("recording", cassette=str(self._tape.path), content=self._tape.content)

    async def done(self) -> None:
        await asyncio.to_thread(self._tape.close)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        call = self._calls.of(flow)
        if call is None or call.released_at is None or call.outbound is None or flow.response is None:
            return
        if call.to != "provider":
            return
        if flow.response.headers.get("content-encoding", "identity") != "identity":
            _log.error("call_not_recorded", why="the provider compressed its answer, though it was asked not to")
            return
        heard = self._heard[flow] = Heard(
            request=call.outbound.body,
            status=flow.response.status_code,
            headers=tuple((name.lower(), value) for name, value in flow.response.headers.items() if _is_shown(name)),
            began=_since(call),
        )
        passage = flow.response.stream
        if isinstance(passage, Passage):
            passage.observer = partial(_hear, call, heard)
        else:  # read whole, and then replaced by what the Relay says of it
            self._failures[flow] = flow.response

    def response(self, flow: http.HTTPFlow) -> None:
        self._finish(flow, whole=True)

    def error(self, flow: http.HTTPFlow) -> None:
        self._finish(flow, whole=False)

    def _finish(self, flow: http.HTTPFlow, *, whole: bool) -> None:
        call, heard, failure = self._calls.of(flow), self._heard.pop(flow, None), self._failures.pop(flow, None)
        if call is None or heard is None:
            return
        if flow.response is not None and isinstance(flow.response.stream, Passage):
            flow.response.stream.observer = None  # the flow may stay, in mitmweb
        if failure is not None and failure.raw_content:
            heard.hear(_since(call), failure.raw_content)
        heard.whole = whole
        self._tape.add(heard, partial(self._quotes_key, flow))


def _hear(call: Call, heard: Heard, chunk: bytes) -> None:
    heard.hear(_since(call), chunk)


def _since(call: Call) -> float:
    assert call.released_at is not None
    return round((time.monotonic() - call.released_at) * 1000, 1)


def _is_shown(name: str) -> bool:
    return name.lower() in SHOWN_HEADERS or name.lower().startswith(SHOWN_PREFIX)
