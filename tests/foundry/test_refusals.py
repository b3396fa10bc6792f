"""The table of refusals, and what may be shown of a caller's own words."""

import pytest

from addons.foundry.refusals import DECIDED_BY, KINDS, Kind, Refusal, excerpt
from addons.settings import Settings


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_kind_is_whole(kind: Kind) -> None:
    assert 400 <= kind.status < 600
    assert (kind.error_code is None) == (kind.error_name is None)
    assert (kind.status == 401) == (kind.challenge is not None)
    assert kind.final or kind.status in {429, 500, 503}


def test_a_policy_no_is_never_what_clients_retry() -> None:
    """Palantir's fetch tries again 12 times on 429 and 503 (SPEC §8)."""
    assert {name for name, kind in KINDS.items() if kind.status in {429, 503}} == {
        "verifier_unreachable",
        "rate_limited",
        "provider_rate_limited",
        "provider_quota",
        "provider_overloaded",
        "provider_unreachable",
        "foundry_unreachable",
        "shutting_down",
        "limits_unavailable",
        "ledger_unavailable",
    }


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
