import asyncio
import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from addons.configuration import build_rules
from addons.configuration.settings import Settings
from addons.gates.body_bytes import BodyBytes
from addons.gates.concurrency import UnderWay
from addons.gates.order import Gates
from addons.inspecting.explanation import Asked, Explanation, explain, from_body
from addons.inspecting.explanation_text import difference, difference_text, document, text, verdict
from addons.usage.memory_counters import MemoryCounters
from addons.values.secret import SecretError
from addons.verifiers.development import Development
from tests.conftest import MODEL

HELLO = {"model": MODEL, "input": "Hello, world"}
MCP = {"type": "mcp", "server_label": "x", "server_url": "https://x"}
NOT_JUDGED = {"caller", "concurrency", "permission", "limits", "budgets"}


def settings(**sections: Any) -> Settings:
    regions = {"global": {"api_key": {"env": "NO_SUCH_KEY"}}, "eu": {"api_key": {"env": "NO_SUCH_KEY"}}}
    made: dict[str, Any] = {"provider": {"regions": regions}, "caller": {"verifier": "development"}}
    return Settings(**{name: made.get(name, {}) | sections.get(name, {}) for name in {*made, *sections}})


def body(**members: Any) -> Asked:
    return from_body("the body", json.dumps({**HELLO, **members}).encode(), "localhost")


def gates(**sections: Any) -> Gates:
    return build_rules.gates(settings(**sections), Development(), build_rules.Lasting(MemoryCounters()))


GATES = list(gates().names("provider"))


def through(*names: str) -> dict[str, str]:
    """What is told of gates that the call got through."""
    return {name: "not judged" if name in NOT_JUDGED else "passed" for name in names}


def explained(asked: Asked, **sections: Any) -> Explanation:
    return asyncio.run(explain(gates(**sections), asked))


def outcomes(explanation: Explanation) -> dict[str, str]:
    return {step.gate: step.outcome for step in explanation.steps}


def test_a_served_body_with_all_that_changes_in_it() -> None:
    found = explained(body(store=None, user="me", tools=[{"type": "web_search"}]), policy={"web_search": "strip"})
    assert found.refusal is None
    assert outcomes(found) == through(*GATES)
    assert found.members == {
        "model": '"gpt-5.2"',
        "store": "false",
        "tools": None,
        "user": None,
        "include": '["reasoning.encrypted_content"]',
        "prompt_cache_retention": '"in_memory"',
    }
    assert {(change.path, change.action) for change in found.changes} >= {("store", "added"), ("user", "stripped")}
    assert (found.region, found.destination) == ("global", "https://api.openai.com:443/v1/responses")


def test_every_finding_is_told_and_the_gates_behind_are_not_reached() -> None:
    found = explained(body(store=True, background=True, tools=[MCP]))
    assert found.refusal
    assert (found.refusal.name, found.refusal.param) == ("refused_feature", found.findings[0].path)
    assert {finding.path for finding in found.findings} == {"store", "background", "tools[0]"}
    assert outcomes(found) | {"policy": "refused", "rewrite": "not reached"} == outcomes(found)
    assert not found.members
    assert not found.changes
    assert found.destination is None


HEAD = {"host": ("localhost",), "content-type": ("application/json",), "authorization": ("Bearer very-secret",)}
GOOD = Asked("a flow", HEAD, json.dumps(HELLO).encode())


@pytest.mark.parametrize(
    ("asked", "gate", "refusal"),
    [
        (replace(GOOD, target="/elsewhere"), "route", "wrong_path"),
        (replace(GOOD, method="GET"), "route", "method_not_allowed"),
        (replace(GOOD, authority="api.openai.com"), "route", "bad_target"),
        (replace(GOOD, server_name="other.example"), "route", "bad_target"),
        (replace(GOOD, headers={**HEAD, "host": ("evil.example",)}), "route", "not_found"),
        (replace(GOOD, headers={**HEAD, "attribution": ("x",)}), "attribution", "invalid_attribution"),
        (replace(GOOD, headers={**HEAD, "content-type": ("text/plain",)}), "media_type", "unsupported_media_type"),
        (replace(GOOD, body=b"[]"), "body", "invalid_json"),
        (replace(GOOD, body=b""), "body", "missing_body"),
        (replace(GOOD, body=b'{"model": "gpt-5.2"}'), "model", "invalid_model"),
        (replace(GOOD, body=json.dumps({**HELLO, "store": True}).encode()), "policy", "refused_feature"),
        (GOOD, None, None),
    ],
)
def test_each_gate_can_refuse(asked: Asked, gate: str | None, refusal: str | None) -> None:
    found = explained(asked)
    assert (found.refusal.name if found.refusal else None) == refusal
    order = GATES if gate is None else GATES[: GATES.index(gate)]
    assert {step.gate: step.outcome for step in found.steps} == {
        **dict.fromkeys(GATES, "not reached"),
        **through(*order),
        **({gate: "refused"} if gate else {}),
    }
    assert "very-secret" not in text(found) + json.dumps(document(found))


def test_what_is_explained_counts_nowhere() -> None:
    """mitmweb explains calls by the gates in force, whose counters hold for real calls."""
    bodies, under_way = BodyBytes(1000), UnderWay()
    one_call = {"enrollment": {"default": {"requests_per_minute": 1}}, "concurrency": {"total": 1, "per_caller": 1}}
    one_day = {"budgets": {"enrollment": {"day": {"requests": 1}}, "user": {"assumed": {"day": {"requests": 1}}}}}
    in_force = build_rules.gates(
        settings(limits=one_call | one_day), Development(), build_rules.Lasting(MemoryCounters(), bodies, under_way)
    )
    asked = replace(GOOD, headers={**HEAD, "content-encoding": ("gzip",)}, body=gzip.compress(GOOD.body))
    for _ in range(3):
        assert outcomes(asyncio.run(explain(in_force, asked))) == through(*GATES)
    assert (bodies.taken, list(under_way.all)) == (0, [])


FOUNDRY = "acme.palantirfoundry.com"


@pytest.mark.parametrize(
    ("other_paths", "steps", "way"),
    [
        ("refuse", {**dict.fromkeys(GATES, "not reached"), "route": "refused"}, None),
        (
            "forward",
            through("route", "concurrency", "forward"),
            f"https://{FOUNDRY}:443/api/v2/ontologies?a=b (forwarded to Foundry as it came)",
        ),
    ],
)
def test_another_path(other_paths: str, steps: dict[str, str], way: str | None) -> None:
    asked = replace(GOOD, target="/api/v2/ontologies?a=b", method="GET", headers={**HEAD, "host": (FOUNDRY,)}, body=b"")
    found = explained(asked, foundry={"hostnames": [FOUNDRY], "other_paths": other_paths})
    assert outcomes(found) == steps
    assert (f"leaves for {way}" in text(found)) is (way is not None)
    assert found.members == {}


def test_a_secret_that_is_missing_is_told() -> None:
    with pytest.raises(SecretError, match="NO_SUCH_KEY"):
        explained(body(), policy={"safety_identifier": {"env": "NO_SUCH_KEY"}})


@pytest.mark.parametrize(
    ("asked", "sections", "differs"),
    [
        (body(), {}, {}),
        (body(), {"policy": {"store_true": "coerce"}}, {}),
        (body(), {"policy": {"max_body_bytes": 1000}}, {}),
        (
            body(store=True),
            {"policy": {"store_true": "coerce"}},
            {
                "verdict": ("refused with 400 unsupported_parameter at store (ZERO_DATA_RETENTION)", "served"),
                "gate policy": ("refused", "passed"),
                "refused store (store)": ("ZERO_DATA_RETENTION", None),
                "change store (forced)": (None, "ZERO_DATA_RETENTION"),
                "member store": (None, "false"),
            },
        ),
        (
            body(tools=[{"type": "web_search"}]),
            {"policy": {"web_search": "allow"}},
            {"verdict": ("refused with 400 unsupported_parameter at tools[0] (GEORESTRICTION)", "served")},
        ),
        (
            body(),
            {"provider": {"allowed_regions": ["eu"]}},
            {
                "member model": ('"gpt-5.2"', '"gpt-5.2-2025-12-11"'),
                "leaves for": (
                    "https://api.openai.com:443/v1/responses (region global)",
                    "https://eu.api.openai.com:443/v1/responses (region eu)",
                ),
            },
        ),
        (
            from_body("the body", b'{"model": "gpt-5.2", "input": "x"}', "localhost"),
            {"models": {"allow_plain_names": True}},
            {"verdict": ("refused with 400 invalid_model at model", "served"), "gate model": ("refused", "passed")},
        ),
    ],
)
def test_what_another_configuration_would_do_otherwise(
    asked: Asked, sections: dict[str, Any], differs: dict[str, tuple[str | None, str | None]]
) -> None:
    provider = {"regions": {"global": {"api_key": {"env": "X"}}, "eu": {"api_key": {"env": "X"}}}}
    after = {name: (provider if name == "provider" else {}) | keys for name, keys in sections.items()}
    found = difference(explained(asked), explained(asked, **after))
    assert found.items() >= differs.items()
    assert bool(found) == bool(differs)


def test_long_values_that_differ_at_their_end_differ() -> None:
    one, other = (
        explained(body(input="x", tools=[{"type": "function", "name": "f" * 60, "description": "d" * 500 + end}, MCP]),
                  policy={"rules": {"tool.mcp": "warn"}})
        for end in "ab"
    )  # fmt: skip
    assert difference(one, replace(one)) == {}
    changed = replace(one, members={"tools": "x" * 500 + "a"}), replace(one, members={"tools": "x" * 500 + "b"})
    assert set(difference(*changed)) == {"member tools"}
    assert other.refusal is None


def test_as_json_it_holds_everything() -> None:
    shown = json.loads(json.dumps(document(explained(body(user="me", input="é")))))
    assert shown["verdict"] == "served"
    assert [step["gate"] for step in shown["gates"]] == GATES
    members = {row["member"]: row.get("becomes", ...) for row in shown["members"]}
    assert members["store"] is False
    assert members["user"] is ...
    refused = document(explained(body(store=True, tools=[MCP])))
    assert refused["refusal"]["status"] == 400
    assert [row["path"] for row in refused["findings"]] == ["store", "tools[0]"]


def test_as_text_it_holds_what_a_person_asks_for() -> None:
    function = {"type": "function", "name": "a_function"}
    found = explained(body(tools=[function, {"type": "web_search"}], user="me"), policy={"web_search": "strip"})
    shown = text(found)
    for words in (
        "the body: served\n",
        "caller       not judged   no token is kept",
        "tools[1]  stripped  GEORESTRICTION",
        'tools: [{"type": "function", "name": "a_function"}]',
        "user: (taken out)",
        "leaves for https://api.openai.com:443/v1/responses (region global)",
    ):
        assert words in shown
    assert verdict(found) == "served"


def test_no_text_of_the_callers_gives_a_terminal_orders() -> None:
    odd = "\x9b31m\u202e\u2066\x7f\u0085"
    tools = [{"type": "function", "name": odd, "parameters": {odd: 1}}, {"type": "web_search"}]
    whole = json.dumps({**HELLO, "tools": tools}, ensure_ascii=False, indent=1).encode()
    found = explained(replace(body(), body=whole, name=odd), policy={"web_search": "strip"})
    other = explained(replace(body(), body=whole), policy={"web_search": "allow"})
    for told in (text(found), text(other), difference_text(odd, difference(found, other))):
        assert all(line.isprintable() for line in told.split("\n"))
    assert '"name": "?31m???? "' not in text(found)
    assert '"name": "?31m???' in text(found)


@pytest.mark.parametrize("colour", [False, True])
def test_colour_is_for_terminals(colour: bool) -> None:
    assert ("\033[31m" in text(explained(body(store=True)), colour=colour)) == colour
