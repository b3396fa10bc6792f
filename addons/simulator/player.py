"""A provider that answers from a cassette, and nothing else."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from addons.apis import table
from addons.cassettes.cassette import Cassette, RecordedAnswer, is_stream
from addons.cassettes.matching import Matching, MissError
from addons.simulator.delivery import fail
from addons.simulator.errors import Error
from addons.simulator.provider import SimulatedProvider
from addons.simulator.wire import Peer

MISS: Final = "cassette_miss"


class Player(SimulatedProvider):
    """``speed`` 1 keeps the recorded times, 2 halves them, 0 leaves every wait out. ``once``: as in Matching."""

    def __init__(
        self, cassette: Cassette, *, api_key: str, directory: Path, speed: float = 1.0, once: bool = False
    ) -> None:
        super().__init__(api_key=api_key, directory=directory)
        self._matching = Matching(cassette, once=once)
        self._speed = speed

    async def _follow(self, peer: Peer, path: str, body: Mapping[str, Any], _released: asyncio.Event) -> None:
        began = asyncio.get_running_loop().time()
        try:
            asked = table.at(path)
            assert asked  # no other path is answered
            answer = self._matching.find(asked.name, body).answer
        except MissError as miss:
            await fail(peer, Error(400, str(miss), code=MISS, param=next(iter(miss.members), None)))
            return
        await self._wait(began, answer.began)
        await peer.head(answer.status, [*answer.headers, _framing(answer)])
        for at, text in answer.pieces:
            await self._wait(began, at)
            await peer.data(text.encode())
        if answer.ended == "whole":
            await peer.end()

    async def _wait(self, began: float, milliseconds: float) -> None:
        if self._speed:
            until = began + milliseconds / 1000 / self._speed
            await asyncio.sleep(until - asyncio.get_running_loop().time())


def _framing(answer: RecordedAnswer) -> tuple[str, str]:
    """As the API frames: a body in one piece has its length, a stream has none."""
    if answer.ended == "whole" and not is_stream(answer.headers):
        return "Content-Length", str(sum(len(text.encode()) for _, text in answer.pieces))
    return "Transfer-Encoding", "chunked"
