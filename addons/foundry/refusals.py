"""Refusals: the answers the sidecar gives by itself (docs/contract.md#refusals).

A refusal is a value. It is raised where the reason is known, by the name of its row in ``KINDS``,
and rendered in one place (``foundry.envelope``).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Kind(NamedTuple):
    """One row of docs/contract.md#refusals: what a refusal of this kind looks like to a caller."""

    status: int
    error_code: str | None  # Foundry's errorCode; None: Foundry answers this without an envelope of its own
    error_name: str | None  # Foundry's errorName
    openai_type: str  # OpenAI's error.type
    openai_code: str | None  # OpenAI's error.code
    final: bool = True  # False: the same call may succeed later, so clients may retry
    empty: bool = False  # True: no body at all, as Foundry's gateway answers
    challenge: str | None = None  # WWW-Authenticate, which every 401 must carry (RFC 9110 §15.5.2)


INVALID_REQUEST: Final = "LanguageModelService:InvalidRequest"
NOT_AVAILABLE: Final = "LanguageModelService:LanguageModelNotAvailable"

_INVALID = "INVALID_ARGUMENT"
_BAD = "invalid_request_error"
_SERVER = "server_error"

KINDS: Final[Mapping[str, Kind]] = {
    # -- route
    "not_found": Kind(404, None, None, _BAD, None, empty=True),
    "wrong_path": Kind(404, "NOT_FOUND", "Default:NotFound", _BAD, "unknown_url"),
    "method_not_allowed": Kind(405, None, None, _BAD, None, empty=True),
    "upgrade_refused": Kind(426, None, None, _BAD, None, empty=True),
    "target_too_long": Kind(414, None, None, _BAD, None, empty=True),
    "headers_too_large": Kind(431, None, None, _BAD, None, empty=True),
    "bad_target": Kind(400, _INVALID, "Default:InvalidArgument", _BAD, "invalid_target"),
    "host_refused": Kind(403, "PERMISSION_DENIED", "Default:PermissionDenied", _BAD, "host_not_allowed"),
    # -- caller
    "missing_credentials": Kind(
        401, "UNAUTHORIZED", "MissingCredentials", _BAD, "missing_credentials", challenge="Bearer"
    ),
    "unauthorized": Kind(
        401,
        "UNAUTHORIZED",
        "Default:Unauthorized",
        _BAD,
        "invalid_api_key",
        challenge='Bearer error="invalid_token"',  # RFC 6750 §3.1
    ),
    "missing_scope": Kind(403, "PERMISSION_DENIED", "ApiUsageDenied", _BAD, "missing_scope"),
    "verifier_unreachable": Kind(503, None, None, _SERVER, "service_unavailable", final=False),
    # -- request
    "invalid_attribution": Kind(400, _INVALID, "InvalidAttributionHeader", _BAD, "invalid_attribution"),
    "unsupported_media_type": Kind(415, _INVALID, "Conjure:UnsupportedMediaType", _BAD, "unsupported_media_type"),
    "body_timeout": Kind(408, _INVALID, "Default:RequestTimeout", _BAD, "request_timeout"),
    "missing_body": Kind(400, _INVALID, "MissingPostBody", _BAD, "missing_body"),
    "too_large": Kind(413, "REQUEST_ENTITY_TOO_LARGE", "Default:RequestEntityTooLarge", _BAD, "request_too_large"),
    "compressed_too_much": Kind(
        413, "REQUEST_ENTITY_TOO_LARGE", "Default:RequestEntityTooLarge", _BAD, "request_too_large"
    ),
    "too_many_values": Kind(
        413, "REQUEST_ENTITY_TOO_LARGE", "Default:RequestEntityTooLarge", _BAD, "request_too_large"
    ),
    "bodies_full": Kind(503, None, None, _SERVER, "service_unavailable", final=False),
    "invalid_json": Kind(400, _INVALID, INVALID_REQUEST, _BAD, "invalid_json"),
    "unknown_field": Kind(400, _INVALID, INVALID_REQUEST, _BAD, "unknown_parameter"),
    "refused_feature": Kind(400, _INVALID, INVALID_REQUEST, _BAD, "unsupported_parameter"),
    # -- model
    "invalid_model": Kind(400, _INVALID, INVALID_REQUEST, _BAD, "invalid_model"),
    "model_not_found": Kind(404, "NOT_FOUND", "LanguageModelNotFound", _BAD, "model_not_found"),
    "model_not_available": Kind(404, "NOT_FOUND", NOT_AVAILABLE, _BAD, "model_not_found"),
    "model_permission_denied": Kind(
        403, "PERMISSION_DENIED", "LanguageModelPermissionDenied", _BAD, "model_permission_denied"
    ),
    # -- limits
    "rate_limited": Kind(
        429,
        "CUSTOM_CLIENT",
        "LanguageModelService:RateLimitsExceeded",
        "rate_limit_error",
        "rate_limit_exceeded",
        final=False,
    ),
    "budget_exceeded": Kind(
        403, "PERMISSION_DENIED", "LanguageModelService:BudgetExceeded", "insufficient_quota", "budget_exceeded"
    ),
    "limits_unavailable": Kind(503, None, None, _SERVER, "service_unavailable", final=False),
    "ledger_unavailable": Kind(503, None, None, _SERVER, "service_unavailable", final=False),
    # -- what the provider answered
    "provider_rejected": Kind(400, "CUSTOM_CLIENT", "LanguageModelService:LlmHttpClientError", _BAD, None),
    "provider_credentials": Kind(500, "INTERNAL", "Default:Internal", _SERVER, "upstream_auth_failure"),
    "provider_credential_missing": Kind(503, None, None, _SERVER, "service_unavailable", final=False),
    "provider_rate_limited": Kind(
        429,
        "CUSTOM_CLIENT",
        "LanguageModelService:AzurePortalQosException",
        "rate_limit_error",
        "rate_limit_exceeded",
        final=False,
    ),
    "provider_quota": Kind(503, None, None, _SERVER, "provider_quota", final=False),
    "provider_failed": Kind(500, "INTERNAL", "Default:Internal", _SERVER, "upstream_error", final=False),
    "provider_overloaded": Kind(503, None, None, _SERVER, "server_is_overloaded", final=False),
    "provider_timeout": Kind(500, "TIMEOUT", "LanguageModelService:LlmSocketTimeout", _SERVER, "timeout", final=False),
    "provider_unreachable": Kind(503, None, None, _SERVER, "upstream_unreachable", final=False),
    # It was reached and may have done the work: another attempt might pay for it twice.
    "provider_answer_lost": Kind(500, "INTERNAL", "Default:Internal", _SERVER, "upstream_error"),
    # -- a tunnel that is passed on unread
    "tunnel_unreachable": Kind(503, None, None, _SERVER, "upstream_unreachable", final=False),
    # -- Foundry itself, for calls that are passed on to it
    "foundry_failed": Kind(500, "INTERNAL", "Default:Internal", _SERVER, "upstream_error"),
    "foundry_timeout": Kind(500, "TIMEOUT", "Default:Timeout", _SERVER, "timeout", final=False),
    "foundry_unreachable": Kind(503, None, None, _SERVER, "upstream_unreachable", final=False),
    # -- a person who looks on
    "stopped_by_hand": Kind(403, "PERMISSION_DENIED", "Default:PermissionDenied", _BAD, "stopped_by_hand"),
    # -- ourselves
    "fault": Kind(500, "INTERNAL", "Default:Internal", _SERVER, "sidecar_error"),
    "shutting_down": Kind(503, None, None, _SERVER, "sidecar_shutting_down", final=False),
}

DECIDED_BY: Final[Mapping[str, str]] = {
    "host_refused": "foundry.hostnames",
    "missing_credentials": "caller.verifier",
    "unauthorized": "caller.verifier",
    "missing_scope": "caller",
    "verifier_unreachable": "caller.verifier",
    "body_timeout": "listen.body_seconds",
    "too_large": "policy.max_body_bytes",
    "too_many_values": "policy.max_json_values",
    "bodies_full": "limits.body_bytes",
    "invalid_model": "models.allow_plain_names",
    "model_not_found": "models.extra",
    "model_not_available": "models.extra, provider.allowed_regions",
    "model_permission_denied": "caller",
    "budget_exceeded": "limits.budgets",
    "limits_unavailable": "limits.on_store_failure",
    "ledger_unavailable": "usage.on_failure",
    "provider_credentials": "provider.regions.*.api_key",
    "provider_credential_missing": "provider.regions",
    "provider_timeout": "provider.timeouts",
    "provider_unreachable": "provider.regions.*.url",
    "foundry_timeout": "provider.timeouts",
    "foundry_unreachable": "foundry.addresses",
    "stopped_by_hand": "inspect.hold_seconds",
    "shutting_down": "lifecycle.drain_seconds",
}
"""The configuration key that decides, where an operator may decide otherwise; some refusals say it themselves."""


def excerpt(text: str, length: int = 64) -> str:
    """The beginning of something a caller wrote, fit for a message: printable ASCII, at most ``length`` characters."""
    shown = "".join(c if " " <= c <= "~" else "?" for c in text[:length])
    return shown if len(text) <= length else shown[:-1] + "\N{HORIZONTAL ELLIPSIS}"


@dataclass(slots=True, eq=False)
class Refusal(Exception):  # noqa: N818 - the field's word for it; "RefusalError" would say it twice
    """Why a call is not served.

    Args:
        name: a row of ``KINDS``.
        message: one sentence or two for a person: what is wrong, where, and what to do. Never holds a
            token, a key, or anything the caller wrote as prompt, answer or metadata value.
        parameters: Foundry's ``parameters`` (all strings), for clients that read them. Where Foundry wraps
            them in ``safeParams``, the envelope does so, and adds ``param`` and ``rule`` by itself.
        param: JSON path of the offending member, e.g. ``tools[0].type``.
        rule: the policy rule that decided, also for the record (e.g. ``ZERO_DATA_RETENTION``).
        headers: further response headers, e.g. ``Retry-After``.
        provider_error: the provider's own ``error`` object, relayed as it came.
        provider_code: the provider's own code for it, for the record alone.
        detail: for the log record alone; never sent to the caller.
        setting: the configuration key that decides, where it is not the one in ``DECIDED_BY``.
        instance_id: Foundry's ``errorInstanceId``, also sent as ``x-request-id``.
    """

    name: str
    message: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    param: str | None = None
    rule: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    provider_error: Mapping[str, object] | None = None
    provider_code: str | None = None
    detail: str | None = None
    setting: str | None = None
    instance_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def decided_by(self) -> str | None:
        """The configuration key to look at."""
        return self.setting or DECIDED_BY.get(self.name)

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"
