"""The table of refusals, and what may be shown of a caller's own words."""

import pytest

from addons.foundry.refusals import KINDS, Kind, Refusal, excerpt


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
        "shutting_down",
        "limits_unavailable",
        "ledger_unavailable",
    }


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
