"""Reads what a token says of itself. Nothing of it is proven: use it only to choose who verifies the token."""

import base64
import binascii
import json
from typing import NamedTuple


class Peeked(NamedTuple):
    issuer: str | None  # None where `iss` is missing or no text


def peek(token: str) -> Peeked | None:
    """None: it has not the form of a signed token (a JWS in compact form, RFC 7515 §7.1, over a JSON object)."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return None
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    issuer = payload.get("iss")
    return Peeked(issuer if isinstance(issuer, str) else None)
