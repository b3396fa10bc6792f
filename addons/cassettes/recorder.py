"""Records the calls that the provider answered into a cassette."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import structlog

from addons.call import Call
from addons.cassettes.cassette import SHOWN_HEADERS, SHOWN_PREFIX, CassetteError
from addons.cassettes.tape import Heard, Tape
from addons.exchange.observing import Observed, Observer

_log = structlog.get_logger("sidecar.cassette")


class Recorder(Observer):
    """Also an addon: the tape is started and ended with mitmproxy."""

    name = "sidecar-recorder"

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._heard: dict[str, Heard] = {}  # by the call's id

    def load(self, _loader: object) -> None:
        try:
            self._tape.start()
        except CassetteError as error:  # an error that is logged now stops the start
            _log.error("cassette_not_opened", why=str(error))
        else:
            _log.warning("recording", cassette=str(self._tape.path), content=self._tape.content)

    async def done(self) -> None:
        await asyncio.to_thread(self._tape.close)

    def answer_begins(self, exchange: Observed) -> None:
        call = exchange.call
        if call.to != "provider" or call.api is None or call.outbound is None or call.answer.status is None:
            return
        fields = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in exchange.relay.fields]
        if dict(fields).get("content-encoding", "identity") != "identity":
            _log.error("call_not_recorded", why="the provider compressed its answer, though it was asked not to")
            return
        self._heard[call.id] = Heard(
            api=call.api.name,
            request=call.outbound.body,
            status=call.answer.status,
            headers=tuple((name, value) for name, value in fields if _is_shown(name)),
            began=_since(call),
        )

    def answer_piece(self, exchange: Observed, payload: bytes) -> None:
        if heard := self._heard.get(exchange.call.id):
            heard.hear(_since(exchange.call), payload)

    def ended(self, exchange: Observed, record: Mapping[str, Any]) -> None:  # noqa: ARG002 - as every observer's
        if heard := self._heard.pop(exchange.call.id, None):
            heard.whole = exchange.relay.over and exchange.relay.failure is None
            self._tape.add(heard, exchange.quotes_credential)


def _since(call: Call) -> float:
    assert call.released_at is not None
    return round((time.monotonic() - call.released_at) * 1000, 1)


def _is_shown(name: str) -> bool:
    return name in SHOWN_HEADERS or name.startswith(SHOWN_PREFIX)
