"""The table of refusals, and what may be shown of a caller's own words."""

import pytest

from addons.configuration.settings import Settings
from addons.foundry.refusals import DECIDED_BY, KINDS, Kind, Refusal, excerpt

SERVICE = "LanguageModelService"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_kind_is_whole(kind: Kind) -> None:
    assert 400 <= kind.status < 600
    assert (kind.error_code is None) == (kind.error_name is None)
    assert (kind.status == 401) == (kind.challenge is not None)
    assert kind.final or kind.status in {429, 500, 503}


def test_a_policy_no_is_never_what_clients_retry() -> None:
    """Palantir's fetch tries again 12 times on 429 and 503 (docs/contract.md#refusals)."""
    assert {name for name, kind in KINDS.items() if kind.status in {429, 503}} == {
        "verifier_unreachable",
        "rate_limited",
        "provider_rate_limited",
        "provider_quota",
        "provider_overloaded",
        "provider_unreachable",
        "provider_credential_missing",
        "tunnel_unreachable",
        "foundry_unreachable",
        "shutting_down",
        "limits_unavailable",
        "ledger_unavailable",
        "bodies_full",
    }


CONTRACT = {
    "not_found": (404, None, None, None),
    "wrong_path": (404, "NOT_FOUND", "Default:NotFound", "unknown_url"),
    "method_not_allowed": (405, None, None, None),
    "upgrade_refused": (426, None, None, None),
    "target_too_long": (414, None, None, None),
    "headers_too_large": (431, None, None, None),
    "bad_target": (400, "INVALID_ARGUMENT", "Default:InvalidArgument", "invalid_target"),
    "host_refused": (403, "PERMISSION_DENIED", "Default:PermissionDenied", "host_not_allowed"),
    "missing_credentials": (401, "UNAUTHORIZED", "MissingCredentials", "missing_credentials"),
    "unauthorized": (401, "UNAUTHORIZED", "Default:Unauthorized", "invalid_api_key"),
    "missing_scope": (403, "PERMISSION_DENIED", "ApiUsageDenied", "missing_scope"),
    "verifier_unreachable": (503, None, None, "service_unavailable"),
    "invalid_attribution": (400, "INVALID_ARGUMENT", "InvalidAttributionHeader", "invalid_attribution"),
    "unsupported_media_type": (415, "INVALID_ARGUMENT", "Conjure:UnsupportedMediaType", "unsupported_media_type"),
    "body_timeout": (408, "INVALID_ARGUMENT", "Default:RequestTimeout", "request_timeout"),
    "missing_body": (400, "INVALID_ARGUMENT", "MissingPostBody", "missing_body"),
    "too_large": (413, "REQUEST_ENTITY_TOO_LARGE", "Default:RequestEntityTooLarge", "request_too_large"),
    "compressed_too_much": (413, "REQUEST_ENTITY_TOO_LARGE", "Default:RequestEntityTooLarge", "request_too_large"),
    "too_many_values": (413, "REQUEST_ENTITY_TOO_LARGE", "Default:RequestEntityTooLarge", "request_too_large"),
    "bodies_full": (503, None, None, "service_unavailable"),
    "invalid_json": (400, "INVALID_ARGUMENT", f"{SERVICE}:InvalidRequest", "invalid_json"),
    "unknown_field": (400, "INVALID_ARGUMENT", f"{SERVICE}:InvalidRequest", "unknown_parameter"),
    "refused_feature": (400, "INVALID_ARGUMENT", f"{SERVICE}:InvalidRequest", "unsupported_parameter"),
    "invalid_model": (400, "INVALID_ARGUMENT", f"{SERVICE}:InvalidRequest", "invalid_model"),
    "model_not_found": (404, "NOT_FOUND", "LanguageModelNotFound", "model_not_found"),
    "model_not_available": (404, "NOT_FOUND", f"{SERVICE}:LanguageModelNotAvailable", "model_not_found"),
    "model_permission_denied": (
        403, "PERMISSION_DENIED", "LanguageModelPermissionDenied", "model_permission_denied",
    ),
    "rate_limited": (429, "CUSTOM_CLIENT", f"{SERVICE}:RateLimitsExceeded", "rate_limit_exceeded"),
    "budget_exceeded": (403, "PERMISSION_DENIED", "LanguageModelService:BudgetExceeded", "budget_exceeded"),
    "limits_unavailable": (503, None, None, "service_unavailable"),
    "ledger_unavailable": (503, None, None, "service_unavailable"),
    "provider_rejected": (400, "CUSTOM_CLIENT", f"{SERVICE}:LlmHttpClientError", None),
    "provider_credentials": (500, "INTERNAL", "Default:Internal", "upstream_auth_failure"),
    "provider_rate_limited": (429, "CUSTOM_CLIENT", f"{SERVICE}:AzurePortalQosException", "rate_limit_exceeded"),
    "provider_quota": (503, None, None, "provider_quota"),
    "provider_failed": (500, "INTERNAL", "Default:Internal", "upstream_error"),
    "provider_overloaded": (503, None, None, "server_is_overloaded"),
    "provider_timeout": (500, "TIMEOUT", f"{SERVICE}:LlmSocketTimeout", "timeout"),
    "provider_unreachable": (503, None, None, "upstream_unreachable"),
    "provider_credential_missing": (503, None, None, "service_unavailable"),
    "provider_answer_lost": (500, "INTERNAL", "Default:Internal", "upstream_error"),
    "tunnel_unreachable": (503, None, None, "upstream_unreachable"),
    "foundry_failed": (500, "INTERNAL", "Default:Internal", "upstream_error"),
    "foundry_timeout": (500, "TIMEOUT", "Default:Timeout", "timeout"),
    "foundry_unreachable": (503, None, None, "upstream_unreachable"),
    "stopped_by_hand": (403, "PERMISSION_DENIED", "Default:PermissionDenied", "stopped_by_hand"),
    "fault": (500, "INTERNAL", "Default:Internal", "sidecar_error"),
    "shutting_down": (503, None, None, "sidecar_shutting_down"),
}  # fmt: skip
"""Status, errorCode, errorName and error.code: the rows of docs/contract.md#refusals, and those beyond it."""


def test_the_table_is_the_contracts() -> None:
    assert {
        name: (kind.status, kind.error_code, kind.error_name, kind.openai_code) for name, kind in KINDS.items()
    } == CONTRACT


def test_only_what_the_route_turns_away_has_no_body() -> None:
    """Foundry's gateway answers so; anything later owes its reason."""
    assert {name for name, kind in KINDS.items() if kind.empty} == {
        "not_found", "method_not_allowed", "upgrade_refused", "target_too_long", "headers_too_large",
    }  # fmt: skip


def test_what_may_be_tried_again() -> None:
    """A 429 or 503 may; of the 500s only what another attempt may find mended."""
    assert {name for name, kind in KINDS.items() if not kind.final and kind.status not in {429, 503}} == {
        "provider_failed", "provider_timeout", "foundry_timeout",
    }  # fmt: skip
    assert not [name for name, kind in KINDS.items() if kind.final and kind.status in {429, 503}]


@pytest.mark.parametrize(
    ("name", "challenge"),
    [("missing_credentials", "Bearer"), ("unauthorized", 'Bearer error="invalid_token"')],
)
def test_challenges(name: str, challenge: str) -> None:
    assert KINDS[name].challenge == challenge


def test_an_operator_is_told_what_to_look_at() -> None:
    assert set(DECIDED_BY) == {
        "host_refused", "missing_credentials", "unauthorized", "missing_scope", "verifier_unreachable", "body_timeout",
        "too_large", "too_many_values", "bodies_full", "stopped_by_hand",
        "invalid_model", "model_not_found", "model_not_available", "model_permission_denied",
        "budget_exceeded", "limits_unavailable", "ledger_unavailable", "provider_credentials", "provider_timeout",
        "provider_credential_missing", "provider_unreachable",
        "foundry_timeout", "foundry_unreachable", "shutting_down",
    }  # fmt: skip


@pytest.mark.parametrize(("name", "settings"), DECIDED_BY.items())
def test_what_decides_is_a_setting_there_is(name: str, settings: str) -> None:
    assert name in KINDS
    for setting in settings.split(", "):
        assert_is_a_setting(setting)


def assert_is_a_setting(dotted: str) -> None:
    """Follows the key through the schema of the configuration file."""
    schema = Settings.model_json_schema()
    at = schema
    for key in dotted.split("."):
        below = at["additionalProperties"] if key == "*" else at["properties"][key]
        found = [each["$ref"] for each in (below, *below.get("anyOf", ())) if "$ref" in each]
        at = schema["$defs"][found[0].rpartition("/")[2]] if found else below


def test_a_refusal_may_know_better_what_decides() -> None:
    assert Refusal("host_refused").decided_by == "foundry.hostnames"
    assert Refusal("host_refused", setting="foundry.addresses").decided_by == "foundry.addresses"
    assert Refusal("missing_body").decided_by is None


def test_refusals_are_told_apart_by_their_instance() -> None:
    first, second = Refusal("fault", "why"), Refusal("fault", "why")
    assert first.instance_id != second.instance_id
    assert str(first) == "fault: why"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("ri.a..b.c", "ri.a..b.c"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 63 + "…"),
        ("a\r\nb\x00\x1b[31m", "a??b??[31m"),
        ("é\u202e\U0001f600", "???"),
    ],
)
def test_excerpt(text: str, shown: str) -> None:
    assert excerpt(text) == shown
