"""The request and the answer of one token exchange (RFC 8693 §2.1, §2.2).

OpenAI documents the request as JSON, where the RFC has a form, and adds two members
(https://developers.openai.com/api/reference/workload-identity-federation, read 2026-11; openai-python 3.54,
auth/_workload.py, sends the same).
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from addons.provider_credentials.settings import IdentitySettings
from addons.sources.http_client import HttpAnswer

HEADERS: Final = {"Accept": "application/json", "Content-Type": "application/json"}

_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_TYPES: Final[Mapping[str, str]] = {
    "jwt": "urn:ietf:params:oauth:token-type:jwt",
    "id": "urn:ietf:params:oauth:token-type:id_token",
}
_TOKEN: Final = re.compile(r"[\x21-\x7E]{1,16384}")  # no line end, which would end a header
_LONGEST: Final = 86_400.0  # seconds; a token with a longer life is renewed each day
_ERROR: Final = re.compile(r"[a-z_]{1,64}")  # a code of RFC 6749 §5.2; `error_description` might quote the token


class IssuedToken(NamedTuple):
    """The token that the endpoint gave."""

    token: bytes
    seconds: float  # of its life, counted from when the request was sent; a day at most


def request(settings: IdentitySettings, subject_token: str) -> bytes:
    """The body that asks for a token in exchange for ``subject_token``, which is the pod's own."""
    return json.dumps(
        {
            "grant_type": _GRANT,
            "subject_token": subject_token,
            "subject_token_type": _TYPES[settings.token_type],
            "identity_provider_id": settings.identity_provider_id,
            "service_account_id": settings.service_account_id,
        }
    ).encode()


def read_answer(answer: HttpAnswer, subject_token: str) -> IssuedToken:
    """The token in the answer to a request with ``subject_token``.

    Raises:
        ValueError: there is no token that can be used; the message quotes only the status and the error's code.
    """
    said = _json_object(answer.body)
    if answer.status != HTTPStatus.OK:
        code = said.get("error") if said else None
        known = f" ({code})" if isinstance(code, str) and _ERROR.fullmatch(code) else ""
        raise ValueError(f"status {answer.status}{known}")
    if said is None:
        raise ValueError("the answer is no JSON object")
    token, seconds = said.get("access_token"), said.get("expires_in")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise ValueError("the answer holds no access_token that can stand in a header")
    if token == subject_token:
        raise ValueError("the answer's access_token is the token that was sent")
    if str(said.get("token_type", "Bearer")).lower() != "bearer":
        raise ValueError("the answer's token_type is not Bearer")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise ValueError("the answer's expires_in is no number of seconds above 0")
    return IssuedToken(token.encode(), min(seconds, _LONGEST))


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
