"""What an app is told whose base URL leads nowhere."""

import pytest

from addons.foundry.paths import BASE, PATH
from addons.foundry.wrong_paths import KNOWN, hint, is_foundrys, proxys, shown_method, shown_path

BASE_URL = "base URL"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/responses", BASE_URL),
        ("/responses", BASE_URL),
        ("/v1/chat/completions", BASE_URL),
        ("/chat/completions?stream=1", BASE_URL),
        ("/models", BASE_URL),
        ("/v1/models/gpt-5.2", BASE_URL),
        ("/v1", BASE_URL),
        ("/v1/v1/responses", BASE_URL),
        ("/openai/deployments/gpt/responses", BASE_URL),
        ("/openai/v1/responses", BASE_URL),
        ("/proxy/openai/v1/responses", BASE_URL),
        ("//v1//responses/", BASE_URL),
        ("/V1/Responses", BASE_URL),
        (BASE, "ends too early"),
        (f"{BASE}/", "ends too early"),
        ("/api/v2/llm/proxy", "ends too early"),
        (f"{BASE}{PATH}", "twice"),
        (f"{BASE}/v1/responses", "twice"),
        (f"{BASE}/responses/responses", "twice"),
        ("/v1/responses/responses", "twice"),
        ("/api/v2/llm/proxy/openai/responses", "lacks /v1"),
        ("/api/v2/llm/proxy/openai/chat/completions", "lacks /v1"),
        (f"{BASE}/responses/resp_1", "Stored"),
        (f"{BASE}/responses/resp_1/cancel", "Stored"),
        (f"{BASE}/audio/speech", "not served here"),
        (f"{BASE}/models/gpt-5.2", "not served here"),
        ("/api/v2/llm/proxy/anthropic/v1/messages", "Other providers"),
        ("/api/v1/llm/proxy/openai/v1/responses", PATH),
        ("/metrics", "listen.admin"),
        ("/livez", "listen.admin"),
        ("/", PATH),
        ("", PATH),
    ],
)
def test_a_mistake_has_a_hint(path: str, told: str) -> None:
    found = hint(path)
    assert found
    assert told in found
    assert BASE in found or told in {"Stored", "listen.admin"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/ontologies", "/favicon.ico", "/wp-login.php", "/a" * 4000, "/v1x", "/\n",
        PATH, f"{BASE}/chat/completions", f"{BASE}/embeddings", f"{BASE}/models",  # the path is not what is wrong
    ],
)  # fmt: skip
def test_other_paths_have_none(path: str) -> None:
    assert hint(path) is None


@pytest.mark.parametrize(
    ("kind", "told"), [("method_not_allowed", "POST"), ("upgrade_refused", "supports_websockets = false")]
)
def test_the_right_path_asked_for_in_a_wrong_way(kind: str, told: str) -> None:
    assert told in (hint(PATH, kind) or "")


@pytest.mark.parametrize(
    ("path", "foundrys"),
    [
        ("/api/v2/ontologies", True),
        (PATH, True),
        ("//api/v2", True),
        ("/API", True),
        ("/multipass/api/me", True),
        ("/v1/responses", False),
        ("/apis", False),
        ("/", False),
    ],
)
def test_which_paths_are_foundrys_own(path: str, foundrys: bool) -> None:
    assert is_foundrys(path) == foundrys


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PATH, PATH),
        ("/v1/responses?key=secret", "/v1/responses"),
        ("/v1/sk-secret", "/v1/…"),
        ("/secret/models/", "/…/models/"),
        ("//api", "//api"),
        ("secret", "…"),
        ("", ""),
        ("/secret" * 1000, "/…" * 16),
        ("/v1/Responses", "/v1/…"),  # in what case a secret is written says nothing
    ],
)
def test_of_a_path_only_known_segments_are_shown(path: str, expected: str) -> None:
    assert shown_path(path) == expected


SHOWN = (
    "/api/v3/llm/proxy/anthropic/v1/messages/batches", "/api/v2/llm/proxy/google/models",
    "/api/v2/llm/proxy/xai/v1/chat/completions", "/api/v2/llm/proxy/azure/openai/deployments",
    "/v1/responses/compact", "/v1/responses/cancel", "/v1/responses/input_items", "/v1/responses/input_tokens",
    "/v1/embeddings", "/v1/files", "/v1/images/generations", "/v1/audio/speech", "/v1/audio/transcriptions",
    "/v1/realtime", "/v1/moderations", "/v1/assistants", "/v1/threads", "/v1/conversations", "/v1/vector_stores",
    "/metrics", "/livez", "/readyz", "/health", "/healthz",
    "/api/v2/ontologies", "/api/v2/datasets", "/api/v2/admin", "/multipass/api/oauth2/token", "/multipass/api/me",
)  # fmt: skip
"""Paths of which nothing is anybody's secret."""


@pytest.mark.parametrize("path", SHOWN)
def test_a_path_of_known_segments_is_shown_whole(path: str) -> None:
    assert shown_path(path) == path


def test_no_segment_is_known_without_such_a_path() -> None:
    assert {segment for path in SHOWN for segment in path.split("/") if segment} == KNOWN


@pytest.mark.parametrize(("method", "expected"), [("GET", "GET"), ("get", "_OTHER"), ("SECRET", "_OTHER")])
def test_of_a_method_only_a_known_one(method: str, expected: str) -> None:
    assert shown_method(method) == expected


PROXY = "/api/v2/llm/proxy"


@pytest.mark.parametrize(
    ("path", "counted"),
    [
        (f"{PROXY}/anthropic/v1/messages", "anthropic/messages"),
        (f"{PROXY}/anthropic/v1/messages/count_tokens?beta=true", "anthropic/messages"),
        (f"{PROXY}/google/v1beta/models/gemini:generateContent", "google/models"),
        (f"{PROXY}/google/v1beta1/very-secret", "google/other"),
        (f"/{PROXY}//xai/v1/chat/completions/", "xai/chat/completions"),
        (f"{PROXY}/xai", "xai/other"),
        (f"{BASE}/audio/speech", "openai/audio"),
        (f"{BASE}/responses/resp_1/cancel", "openai/responses"),
        (f"{PROXY}/openai/responses", "openai/responses"),
        (f"{BASE}/messages-of-mine", "openai/other"),
        (f"{PROXY}/mistral/v1/messages", None),
        (PROXY, None),
        ("/v1/messages", None),
        ("/api/v2/ontologies", None),
        ("", None),
    ],
)
def test_what_a_path_of_the_proxy_is_counted_as(path: str, counted: str | None) -> None:
    assert proxys(path) == counted
