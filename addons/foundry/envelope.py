"""Renders a refusal so that Foundry's SDKs and OpenAI's SDKs both understand it (docs/contract.md#refusals)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Literal

from addons.foundry.refusals import INVALID_REQUEST, NOT_AVAILABLE, Refusal

type ErrorFormat = Literal["hybrid", "foundry", "openai"]
"""``hybrid`` holds Foundry's members and OpenAI's ``error`` side by side; the others hold one of the two."""

WRAPPED: Final = frozenset({INVALID_REQUEST, NOT_AVAILABLE})
"""Error names whose parameters Foundry gives as a message and two Java maps written as text."""

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
_SOON: Final = {"Retry-After": "1"}  # seconds, where nobody knows how long it takes
_NOT_AGAIN: Final = {"x-should-retry": "false", "QoS-Retry-Hint": "do-not-retry"}  # OpenAI's SDKs; Palantir's SDKs


def render(refusal: Refusal, error_format: ErrorFormat = "hybrid") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer that tells a caller of the refusal."""
    kind = refusal.kind
    headers = {"x-request-id": refusal.instance_id, "cache-control": "no-store"}
    if kind.final:
        headers |= _NOT_AGAIN
    if kind.status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" not in map(str.lower, refusal.headers):
        headers |= _SOON
    if kind.challenge:
        headers["WWW-Authenticate"] = kind.challenge
    if kind.empty:
        return kind.status, headers | dict(refusal.headers), b""
    headers["content-type"] = "application/json"
    members: dict[str, object] = {}
    if error_format != "openai":
        members |= _foundry(refusal)
    if error_format != "foundry":
        members["error"] = refusal.provider_error or _openai(refusal)
    return kind.status, headers | dict(refusal.headers), _ENCODER.encode(members).encode()


def _foundry(refusal: Refusal) -> dict[str, object]:
    kind = refusal.kind
    members: dict[str, object] = {"errorInstanceId": refusal.instance_id, "message": refusal.message}
    if kind.error_code is not None:
        parameters = _wrapped(refusal) if kind.error_name in WRAPPED else dict(refusal.parameters)
        members |= {"errorCode": kind.error_code, "errorName": kind.error_name, "parameters": parameters}
    return members


def _openai(refusal: Refusal) -> dict[str, object]:
    kind = refusal.kind
    source = ", ".join(filter(None, (kind.error_name, refusal.instance_id)))
    return {
        "message": f"{refusal.message} ({source})".lstrip(),
        "type": kind.openai_type,
        "param": refusal.param,
        "code": kind.openai_code,
    }


def _wrapped(refusal: Refusal) -> dict[str, str]:
    message, safe, unsafe = refusal.message, dict(refusal.parameters), dict[str, str]()
    if refusal.name == "unknown_field":  # the sentence and the place seen from Foundry: a member's name is unsafe
        message = "Request contained an unrecognized field"
        unsafe["unrecognizedProperty"] = refusal.param or ""
    elif refusal.kind.error_name == INVALID_REQUEST:
        safe |= {name: text for name, text in (("field", refusal.param), ("policy", refusal.rule)) if text}
    return {"message": message, "safeParams": _java_map(safe), "unsafeParams": _java_map(unsafe)}


def _java_map(entries: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}={text}" for name, text in entries.items()) + "}"
