"""Addon and observer: collects each call that the provider answers, and has it written to a cassette."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import structlog

from addons.call import Call
from addons.cassettes.cassette import RECORDED_HEADERS, RECORDED_PREFIX, CassetteError
from addons.cassettes.cassette_writer import CassetteWriter, CollectedCall
from addons.exchange.observing import Observed, Observer

_log = structlog.get_logger("sidecar.cassette")


class Recorder(Observer):
    """An observer of exchanges. As an addon it opens the cassette when mitmproxy starts, and closes it at the end."""

    name = "sidecar-recorder"

    def __init__(self, writer: CassetteWriter) -> None:
        self._writer = writer
        self._collected: dict[str, CollectedCall] = {}  # by the call's id

    def load(self, _loader: object) -> None:
        try:
            self._writer.start()
        except CassetteError as error:  # mitmproxy stops where an error is logged while it loads addons
            _log.error("cassette_not_opened", why=str(error))
        else:
            _log.warning("recording", cassette=str(self._writer.path), content=self._writer.content)

    async def done(self) -> None:
        await asyncio.to_thread(self._writer.close)

    def answer_begins(self, exchange: Observed) -> None:
        call = exchange.call
        if call.to != "provider" or call.api is None or call.outbound is None or call.answer.status is None:
            return
        fields = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in exchange.relay.fields]
        if dict(fields).get("content-encoding", "identity") != "identity":
            _log.error("call_not_recorded", why="the provider compressed its answer, although that was not asked for")
            return
        self._collected[call.id] = CollectedCall(
            api=call.api.name,
            request=call.outbound.body,
            status=call.answer.status,
            headers=tuple((name, value) for name, value in fields if _is_recorded(name)),
            began=_since(call),
        )

    def answer_piece(self, exchange: Observed, payload: bytes) -> None:
        if collected := self._collected.get(exchange.call.id):
            collected.add_chunk(_since(exchange.call), payload)

    def ended(self, exchange: Observed, record: Mapping[str, Any]) -> None:  # noqa: ARG002 - as every observer's
        if collected := self._collected.pop(exchange.call.id, None):
            collected.whole = exchange.relay.over and exchange.relay.failure is None
            self._writer.add(collected, exchange.quotes_credential)


def _since(call: Call) -> float:
    assert call.released_at is not None
    return round((time.monotonic() - call.released_at) * 1000, 1)


def _is_recorded(name: str) -> bool:
    return name in RECORDED_HEADERS or name.startswith(RECORDED_PREFIX)
