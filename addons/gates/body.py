"""Gate: the body as one JSON object (SPEC §4)."""

import asyncio
from dataclasses import dataclass
from typing import Final

from addons.call import Call
from addons.foundry.content_encoding import CorruptError, TooLargeError, decode
from addons.foundry.refusals import Refusal
from addons.gates.media_type import too_large
from addons.responses import splice

LARGE: Final = 256 * 1024
"""Bytes from which work on a body goes to a thread, so that other calls' streams go on meanwhile."""


@dataclass(frozen=True, slots=True)
class ReadBody:
    """Fills ``call.body`` (decoded bytes) and ``call.document`` (parsed)."""

    max_body_bytes: int

    async def __call__(self, call: Call) -> None:
        encoding = (call.header("content-encoding") or "identity").lower()
        try:
            if encoding == "identity" and len(call.wire_body) < LARGE:
                self._read(call, encoding)
            else:
                await asyncio.to_thread(self._read, call, encoding)
        except TooLargeError:
            raise too_large(self.max_body_bytes) from None
        except CorruptError:
            raise Refusal("invalid_json", f"The body is not valid {encoding} data.") from None

    def _read(self, call: Call, encoding: str) -> None:
        call.body = decode(call.wire_body, encoding, self.max_body_bytes)
        if not call.body.strip():
            raise Refusal("missing_body", "The body is empty; send a JSON object with model and input.")
        call.document = splice.read(call.body)
