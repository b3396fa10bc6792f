"""Gate: the body as one JSON object (docs/contract.md#body)."""

import asyncio
from dataclasses import dataclass
from typing import Final

from addons.bodies import splice
from addons.bodies.count import holds_more_than
from addons.call import Call
from addons.foundry.content_encoding import BombError, CorruptError, TooLargeError, coding_of, decode
from addons.foundry.refusals import Refusal
from addons.gates.body_bytes import BodyBytes, full
from addons.gates.media_type import too_large

LARGE: Final = 1536 * 1024
"""Bytes from which work on a body goes to a thread, so that other calls' streams go on meanwhile.

What takes less than Python's 5 ms between two threads' turns is no shorter for the others on a thread, and costs half
as much again there.
"""


@dataclass(frozen=True, slots=True)
class ReadBody:
    """Fills ``call.body`` (decoded bytes) and ``call.document`` (parsed), and lets go of ``call.wire_body``.

    Args:
        max_body_bytes: of the body, also decoded.
        max_json_values: as ``bodies.count`` counts them, before one of them is made.
        budget: what decoded bodies take; given back by whoever ends the call, who finds in ``call.decoded_bytes`` how
            much it was.
    """

    max_body_bytes: int
    max_json_values: int
    budget: BodyBytes | None = None

    async def __call__(self, call: Call) -> None:
        coding = coding_of(call.headers.get("content-encoding", ()))
        if len(call.wire_body) > self.max_body_bytes:
            raise too_large(self.max_body_bytes)
        if coding == "identity":
            call.body = call.wire_body
        else:
            await self._decode(call, coding)
        call.wire_body = b""
        if not call.body or call.body.isspace():
            raise Refusal("missing_body", "The body is empty; send a JSON object with model and input.")
        if len(call.body) < LARGE:
            self._parse(call)
        else:
            await asyncio.to_thread(self._parse, call)

    async def _decode(self, call: Call, coding: str) -> None:
        try:
            body = await asyncio.to_thread(decode, call.wire_body, coding, self.max_body_bytes)
        except BombError as bomb:
            raise Refusal("compressed_too_much", f"The body {bomb}. Send it without Content-Encoding.") from None
        except TooLargeError:
            raise too_large(self.max_body_bytes) from None
        except CorruptError:
            raise Refusal("invalid_json", f"The body is not valid {coding} data.") from None
        if self.budget is not None and not call.explained:
            if not self.budget.take(len(body)):
                raise full(self.budget)
            call.decoded_bytes = len(body)
        call.body = body

    def _parse(self, call: Call) -> None:
        if holds_more_than(call.body, self.max_json_values):
            raise Refusal(
                "too_many_values",
                f"The body holds more than policy.max_json_values, which is {self.max_json_values} JSON values.",
            )
        call.document = splice.read(call.body)
