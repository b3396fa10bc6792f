from typing import Any

import pytest
from pydantic import ValidationError

from addons.verifiers.settings import CallerSettings

JWT = {"issuer": "i", "audience": "a", "jwks_url": "https://issuer.example/keys"}
INTROSPECTION = {"url": "https://issuer.example/introspect", "client_id": "me", "client_secret": {"env": "S"}}
FOUNDRY = {"url": "https://acme.palantirfoundry.com"}
KUBERNETES = {"audience": "a"}
DISCOVERY = {"issuer": "i", "audience": "a", "discovery": True}
KEY_FILE = {"issuer": "i", "audience": "a", "public_key_file": "k"}
CERTIFICATE = {"trusted_ca": "ca.pem"}
GRANT = {"scopes": ["a"]}

GOOD: list[dict[str, Any]] = [
    {"verifier": "development"},
    {"verifier": "registry", "registry": {"file": "tokens.yaml"}},
    {"verifier": "jwt", "jwt": JWT},
    {"verifier": "jwt", "jwt": {"issuer": "i", "audience": "a", "public_key_file": "key.pem"}},
    {"verifier": "jwt", "jwt": JWT, "foundry": FOUNDRY},  # what is not chosen may stand there
    {"verifier": "jwt", "jwt": [JWT, JWT | {"issuer": "j"}]},
    {"verifier": "jwt", "jwt": {"issuer": "https://i.example", "audience": "a", "discovery": True}},
    {"verifier": "jwt", "jwt": {"issuer": "i", "audience": "a", "discovery": "https://i.example/document"}},
    {"verifier": "jwt", "jwt": JWT | {"subjects": {"spiffe://a.example/*": GRANT}, "subject_prefix": "a/"}},
    {"verifier": "kubernetes", "kubernetes": KUBERNETES},
    {"verifier": "certificate", "certificate": {"trusted_ca": "ca.pem"}},
    {"verifier": ("jwt", "kubernetes"), "jwt": JWT, "kubernetes": KUBERNETES},
    {"verifier": ("kubernetes", "jwt"), "jwt": JWT, "kubernetes": KUBERNETES | {"issuer": "k"}},
    {"verifier": ("certificate", "jwt", "foundry"), "jwt": JWT, "foundry": FOUNDRY, "certificate": CERTIFICATE},
    {"verifier": "introspection", "introspection": INTROSPECTION},
    {"verifier": "foundry", "foundry": FOUNDRY | {"subjects": {"an-id": {"scopes": ["a", "b"]}}}},
    *({"verifier": "foundry", "foundry": {"url": url}} for url in (
        "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost:8080/base/",
    )),
]  # fmt: skip

BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "Field required"),
    ({"verifier": "none"}, "Input should be 'registry', 'jwt'"),
    *(
        ({"verifier": name}, f"its settings must stand under caller.{name}")
        for name in ("registry", "jwt", "introspection", "foundry", "kubernetes", "certificate")
    ),
    ({"verifier": []}, "at least 1 item"),
    ({"verifier": ["jwt", "none"], "jwt": JWT}, "Input should be 'registry', 'jwt'"),
    ({"verifier": ["jwt", "registry"], "jwt": JWT}, "its settings must stand under caller.registry"),
    ({"verifier": ["development", "jwt"], "jwt": JWT}, "write no other beside it"),
    ({"verifier": ["foundry", "jwt"], "jwt": JWT, "foundry": FOUNDRY}, "foundry decides about every token"),
    ({"verifier": ["kubernetes", "jwt"], "jwt": JWT, "kubernetes": KUBERNETES}, "write caller.kubernetes.issuer"),
    ({"verifier": ["jwt", "jwt"], "jwt": JWT}, "jwt is written twice"),
    ({"verifier": "jwt", "jwt": [JWT, JWT | {"audience": "b"}]}, "i is written twice"),
    ({"verifier": "jwt", "jwt": []}, "at least 1 item"),
    ({"verifier": ["jwt", "kubernetes"], "jwt": JWT, "kubernetes": KUBERNETES | {"issuer": "i"}}, "i is written twice"),
    ({"verifier": ["jwt", "certificate"], "jwt": JWT, "certificate": {"trusted_ca": "c"}}, "certificate first"),
    ({"verifier": "jwt", "jwt": JWT | {"discovery": True}}, "either jwks_url, discovery or public_key_file"),
    ({"verifier": "jwt", "jwt": DISCOVERY}, "needs an issuer that is an https"),
    ({"verifier": "jwt", "jwt": DISCOVERY | {"discovery": "i.example"}}, "write an absolute URL"),
    ({"verifier": "jwt", "jwt": KEY_FILE | {"credentials": {"env": "T"}}}, "public_key_file fetches none"),
    ({"verifier": "jwt", "jwt": JWT | {"default": GRANT, "models_claim": "m"}}, "take out projects_claim"),
    ({"verifier": "jwt", "jwt": JWT | {"subjects": {"a*": GRANT}}}, "a prefix that ends in :* or /*"),
    ({"verifier": "jwt", "jwt": JWT | {"subject_prefix": "a b"}}, "match pattern"),
    ({"verifier": "kubernetes", "kubernetes": {}}, "Field required"),
    ({"verifier": "kubernetes", "kubernetes": KUBERNETES | {"api": "http://10.0.0.1"}}, "plain http is"),
    ({"verifier": "jwt", "foundry": FOUNDRY}, "its settings must stand under caller.jwt"),
    ({"verifier": "development", "shrug": 1}, "Extra inputs are not permitted"),
    ({"verifier": "jwt", "jwt": JWT | {"public_key_file": "k"}}, "either jwks_url, discovery or public_key_file"),
    ({"verifier": "jwt", "jwt": {"issuer": "i", "audience": "a"}}, "either jwks_url, discovery or public_key_file"),
    ({"verifier": "jwt", "jwt": JWT | {"algorithms": ["HS256"]}}, "Input should be 'RS256'"),
    ({"verifier": "jwt", "jwt": JWT | {"algorithms": ["none"]}}, "Input should be 'RS256'"),
    ({"verifier": "jwt", "jwt": JWT | {"algorithms": []}}, "at least 1 item"),
    ({"verifier": "jwt", "jwt": JWT | {"leeway_seconds": 3600}}, "less than or equal to 300"),
    ({"verifier": "jwt", "jwt": JWT | {"cache_seconds": 1e9}}, "less than or equal to 3600"),
    ({"verifier": "jwt", "jwt": JWT | {"cache_entries": 0}}, "greater than or equal to 1"),
    ({"verifier": "jwt", "jwt": JWT | {"issuer": ""}}, "at least 1 character"),
    (
        {"verifier": "introspection", "introspection": INTROSPECTION | {"client_secret": "s3cret"}},
        "must not hold the secret itself",
    ),
    ({"verifier": "foundry", "foundry": FOUNDRY | {"subjects": {"x": {"scopes": ["two words"]}}}}, "match pattern"),
    ({"verifier": "foundry", "foundry": FOUNDRY | {"subjects": {"x": {"scopes": ["a"], "models": ["gpt"]}}}}, "ri."),
    *(({"verifier": "foundry", "foundry": {"url": url}}, said)
      for url, said in (
        ("http://acme.palantirfoundry.com", "plain http is allowed only to loopback"),
        ("http://169.254.169.254", "plain http is allowed only to loopback"),
        ("http://localhost.evil.example", "plain http is allowed only to loopback"),
        ("http://127.0.0.1@evil.example", "without user name"),
        ("https://user:word@acme.example", "without user name"),
        ("https://acme.example/#x", "without user name"),
        ("acme.example", "absolute URL"),
        ("ftp://acme.example", "absolute URL"),
        ("https://", "absolute URL"),
        ("https://acme example", "absolute URL"),
        ("https://acme.example\r\nX: y", "absolute URL"),
        ("https://äcme.example", "absolute URL"),
        ("https://acme.example:0", "port 0"),
        ("https://acme.example:99999", "its port at most 65535"),
    )),
]  # fmt: skip


@pytest.mark.parametrize("given", GOOD, ids=str)
def test_accepted(given: dict[str, Any]) -> None:
    assert CallerSettings.model_validate(given).verifier == given["verifier"]


@pytest.mark.parametrize(("given", "message"), BAD, ids=str)
def test_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CallerSettings.model_validate(given)
    assert message in str(caught.value)


def test_every_key_is_described() -> None:
    schema = CallerSettings.model_json_schema()
    undescribed = [
        f"{name}.{key}"
        for name, model in [("CallerSettings", schema), *schema["$defs"].items()]
        for key, member in model.get("properties", {}).items()
        if "description" not in member
    ]
    assert undescribed == []
