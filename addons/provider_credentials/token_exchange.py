"""One token exchange: what is asked (RFC 8693 §2.1) and what is taken from the answer (§2.2).

OpenAI documents the request as JSON, not as the RFC's form, with two members of its own
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
_TOKEN: Final = re.compile(r"[\x21-\x7E]{1,16384}")  # nothing that could end a header
_LONGEST: Final = 86_400.0  # seconds; a token said to live longer is renewed each day all the same
_ERROR: Final = re.compile(r"[a-z_]{1,64}")  # RFC 6749 §5.2 codes; the description beside it might quote the token


class Issued(NamedTuple):
    token: bytes
    seconds: float  # how long it lives from when it was asked for


def request(settings: IdentitySettings, subject_token: str) -> bytes:
    return json.dumps(
        {
            "grant_type": _GRANT,
            "subject_token": subject_token,
            "subject_token_type": _TYPES[settings.token_type],
            "identity_provider_id": settings.identity_provider_id,
            "service_account_id": settings.service_account_id,
        }
    ).encode()


def issued(answer: HttpAnswer, subject_token: str) -> Issued:
    """
    Raises:
        ValueError: it is no token that could be used; the message quotes nothing but the status and an error's code.
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
        raise ValueError("the answer's access_token is the token it was given")
    if str(said.get("token_type", "Bearer")).lower() != "bearer":
        raise ValueError("the answer's token_type is not Bearer")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise ValueError("the answer's expires_in is no number of seconds to come")
    return Issued(token.encode(), min(seconds, _LONGEST))


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
