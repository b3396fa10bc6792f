"""What a caller is told when the provider says no (docs/contract.md#provider-errors): one row a status."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

from addons.foundry.alarm_names import Alarm
from addons.foundry.refusals import KINDS, Refusal


class ProviderErrorRow(NamedTuple):
    """``parameters`` are the names of Foundry's that the row carries.

    ``relay``: the provider's own error object goes on to the caller, whose request it is about.
    """

    refusal: str
    message: str
    parameters: tuple[str, ...] = ()
    relay: bool = False
    alarm: Alarm | None = None


_REJECTED: Final = ProviderErrorRow(
    "provider_rejected",
    "The model provider rejected the request.",
    ("responseBody", "errorCode", "errorMessage"),
    relay=True,
)
_FAILED: Final = ProviderErrorRow("provider_failed", "The model provider failed; try again.")
_CREDENTIALS: Final = ProviderErrorRow(
    "provider_credentials",
    "The sidecar's own credentials were not accepted by the model provider; your token is not at fault."
    " Tell the operator of this sidecar.",
    alarm=Alarm.PROVIDER_CREDENTIALS,
)

_QUOTA: Final = ProviderErrorRow(
    "provider_quota",
    "The sidecar's account with the model provider is out of quota, or not paid for."
    " Tell the operator of this sidecar.",
    alarm=Alarm.PROVIDER_QUOTA,
)

BY_STATUS: Final[Mapping[int, ProviderErrorRow]] = {
    401: _CREDENTIALS,
    402: _QUOTA,
    403: _CREDENTIALS,
    404: ProviderErrorRow(
        "model_not_available",
        "The model provider does not serve this model to this organization.",
        ("languageModelRid",),
    ),
    408: ProviderErrorRow("provider_timeout", "The model provider timed out.", ("modelName",)),
    413: ProviderErrorRow("too_large", "The model provider found the request too large.", relay=True),
    429: ProviderErrorRow(
        "provider_rate_limited",
        "The model provider limits this organization's rate; slow down.",
        ("model", "service", "reason", "retryAfterMillis"),
        relay=True,
    ),
    503: ProviderErrorRow("provider_overloaded", "The model provider is overloaded; try again later."),
}
"""Every other 4xx is relayed as a rejection; what is left is a failure."""

BY_CODE: Final[Mapping[str, ProviderErrorRow]] = {
    "insufficient_quota": _QUOTA,
    "billing_hard_limit_reached": _QUOTA,
    "billing_not_active": _QUOTA,
    "incorrect_hostname": _CREDENTIALS._replace(alarm=Alarm.GEORESTRICTION),
    "data_residency_mismatch": _CREDENTIALS._replace(alarm=Alarm.GEORESTRICTION),
}
"""Error codes that mean more than their status."""

_CODE: Final = re.compile(r"[a-z0-9_]{1,64}")
"""What an error code looks like; anything else may quote the request, and stays out of the record."""

MOST_SECONDS: Final = 24 * 3600
"""The longest wait that callers are told of: further ahead no provider sees."""

_WHOLE: Final = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class ProviderError:
    """The refusal to give, and the alarm to raise, if any."""

    refusal: Refusal
    alarm: Alarm | None


def refusal_for(status: int, headers: Mapping[str, str], body: bytes, model_rid: str) -> ProviderError:
    """Turns a provider's answer that is not a success into a refusal.

    ``headers`` by lower-case name. 1xx and redirects are failures too; redirects are never followed.
    """
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        body = b""  # nobody asked for an encoding, and no look at such bytes finds a key in them
    error = _error_object(body)
    said_twice = (str(error.get("code") or ""), str(error.get("type") or ""))
    code = said_twice[0] or said_twice[1]
    row = next((BY_CODE[each] for each in said_twice if each in BY_CODE), None) or BY_STATUS.get(status)
    row = row or (_REJECTED if 400 <= status < 500 else _FAILED)  # noqa: PLR2004 - HTTP's classes
    waits = {} if KINDS[row.refusal].final else _waits(headers)
    said = str(error.get("message") or "")
    known = {
        "languageModelRid": model_rid,
        "modelName": model_rid,
        "model": model_rid,
        "service": "openai",
        "reason": code,
        "retryAfterMillis": _milliseconds(waits),
        "responseBody": body.decode("utf-8", "replace"),
        "errorCode": code,
        "errorMessage": said,
    }
    return ProviderError(
        Refusal(
            row.refusal,
            f"{row.message} {said}".strip() if row.relay else row.message,
            parameters={name: known[name] for name in row.parameters},
            headers=waits,
            provider_error=error if row.relay and error else None,
            detail=f"provider answered {status} {error_code(code) or ''}".strip(),
            provider_code=error_code(code),
        ),
        row.alarm,
    )


def alarm_of(code: str | None) -> Alarm | None:
    """What an operator must look at where an answer that has begun ends with this error code."""
    row = BY_CODE.get(code or "")
    return row.alarm if row else None


def error_code(said: str | None) -> str | None:
    """A provider's error code for the record; None where it is none, or may be something else."""
    return said if said and _CODE.fullmatch(said) else None


def _waits(headers: Mapping[str, str]) -> dict[str, str]:
    """How long to wait, as far as it makes sense: whole numbers within ``MOST_SECONDS``, or a date."""
    seconds, milliseconds = headers.get("retry-after", ""), headers.get("retry-after-ms", "")
    kept = {}
    if _WHOLE.fullmatch(seconds):
        kept["retry-after"] = str(min(int(seconds), MOST_SECONDS))
    elif _is_date(seconds):
        kept["retry-after"] = seconds
    if _WHOLE.fullmatch(milliseconds):
        kept["retry-after-ms"] = str(min(int(milliseconds), 1000 * MOST_SECONDS))
    return kept


def _is_date(text: str) -> bool:
    try:
        parsedate_to_datetime(text)
    except ValueError:
        return False
    return text.isascii()


def _milliseconds(waits: Mapping[str, str]) -> str:
    """Empty where the provider did not say, or named a date."""
    seconds = waits.get("retry-after", "")
    return waits.get("retry-after-ms") or (str(1000 * int(seconds)) if seconds.isdigit() else "")


def _error_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else {}
