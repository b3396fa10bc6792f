"""Reads the issuer that a token names, before anything is verified: use it only to choose who verifies the token."""

import base64
import binascii
import json
from typing import NamedTuple


class UnverifiedToken(NamedTuple):
    """What a signed token says of itself. Anybody can write it."""

    issuer: str | None  # None where `iss` is missing or no string


def read_unverified(token: str) -> UnverifiedToken | None:
    """None: it has not the form of a signed JWT (a JWS in compact form, RFC 7515 §7.1, with a JSON object in it)."""
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
    return UnverifiedToken(issuer if isinstance(issuer, str) else None)
