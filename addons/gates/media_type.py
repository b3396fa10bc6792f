"""Gate: what the headers say of the body, before the body is read (docs/contract.md#request-headers)."""

import re
from dataclasses import dataclass
from typing import Final

from addons.call import Call
from addons.foundry.content_encoding import DECODERS, UnknownCodingError, coding_of
from addons.foundry.refusals import Refusal
from addons.values.http_name import NAME

_QUOTED: Final = r'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"'
_PARAMETER: Final = rf"[ \t]*;[ \t]*(?:({NAME})=({NAME}|{_QUOTED}))?"
"""RFC 9110 §5.6.6: white space around the semicolon, none around the equals sign, and a parameter may be missing."""

_JSON: Final = re.compile(rf"application/json((?:{_PARAMETER})*+)[ \t]*", re.IGNORECASE)
_PARAMETERS: Final = re.compile(_PARAMETER)
_UTF8: Final = frozenset(("utf-8", "utf8"))  # the name, and what many clients write for it


@dataclass(frozen=True, slots=True)
class DeclaredBody:
    """Refuses a body that is not JSON, is encoded in an unknown way, or says it is too large."""

    max_body_bytes: int

    def __call__(self, call: Call) -> None:
        types = call.headers.get("content-type", ())
        media_type = _JSON.fullmatch(types[0]) if len(types) == 1 else None
        if media_type is None:
            raise Refusal("unsupported_media_type", "Content-Type must be application/json, once and well-formed.")
        if not _charsets(media_type[1]) <= _UTF8:
            raise Refusal("unsupported_media_type", "The charset of application/json must be utf-8, or left out.")
        try:
            coding_of(call.headers.get("content-encoding", ()))
        except UnknownCodingError:
            known = ", ".join(DECODERS)
            raise Refusal(
                "unsupported_media_type", f"Content-Encoding must be one of {known}, and one alone."
            ) from None
        length = call.header("content-length")
        if length and length.isascii() and length.isdigit() and int(length) > self.max_body_bytes:
            raise too_large(self.max_body_bytes)


def _charsets(parameters: str) -> set[str]:
    """Every charset named, in lower case. Other parameters mean nothing (RFC 8259 §11 defines none)."""
    return {
        (re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value).lower()
        for name, value in _PARAMETERS.findall(parameters)
        if name.lower() == "charset"
    }


def too_large(limit: int) -> Refusal:
    """The refusal of a body over the cap, which is in bytes."""
    return Refusal("too_large", f"The body is over policy.max_body_bytes, which is {limit} bytes.")
