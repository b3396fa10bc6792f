"""Gate: what the headers say of the body, before the body is read (SPEC §2)."""

import re
from dataclasses import dataclass
from typing import Final

from addons.call import Call
from addons.foundry.content_encoding import DECODERS
from addons.foundry.refusals import Refusal

_JSON: Final = re.compile(r'application/json(?:\s*;\s*charset\s*=\s*"?utf-8"?)?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DeclaredBody:
    """Refuses a body that is not JSON, is encoded in an unknown way, or says it is too large."""

    max_body_bytes: int

    def __call__(self, call: Call) -> None:
        types = call.headers.get("content-type", ())
        if len(types) != 1 or not _JSON.fullmatch(types[0]):
            raise Refusal("unsupported_media_type", "Content-Type must be application/json.")
        encodings = call.headers.get("content-encoding", ())
        if len(encodings) > 1 or (encodings and encodings[0].lower() not in DECODERS):
            raise Refusal("unsupported_media_type", f"Content-Encoding must be one of {', '.join(DECODERS)}.")
        length = call.header("content-length")
        if length and length.isascii() and length.isdigit() and int(length) > self.max_body_bytes:
            raise too_large(self.max_body_bytes)


def too_large(limit: int) -> Refusal:
    """The refusal of a body over the cap, which is in bytes."""
    return Refusal("too_large", f"The body is over policy.max_body_bytes, which is {limit} bytes.")
