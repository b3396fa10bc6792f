import pytest

from addons.foundry.envelope import render
from addons.gates.body_bytes import BodyBytes, full


def test_bytes_are_taken_and_given_back() -> None:
    budget = BodyBytes(100)
    assert budget.take(60)
    assert budget.take(40), "all of it"
    assert budget.take(0)
    assert not budget.take(1)
    budget.give_back(60)
    assert budget.taken == 40, "what was refused took nothing"
    assert not budget.take(61)
    assert budget.take(60)


def test_no_more_is_given_back_than_was_taken() -> None:
    budget = BodyBytes(100)
    assert budget.take(5)
    with pytest.raises(ValueError, match="6 bytes given back of 5"):
        budget.give_back(6)


def test_full_is_a_refusal_to_come_back_from() -> None:
    refusal = full(BodyBytes(100))
    status, headers, body = render(refusal)
    assert status == 503
    assert headers["Retry-After"] == "1"
    assert "x-should-retry" not in headers
    assert b'"code":"service_unavailable"' in body
    assert refusal.decided_by == "limits.body_bytes"
    assert "100 bytes" in refusal.message
