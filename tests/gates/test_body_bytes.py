import pytest

from addons.foundry.envelope import render
from addons.gates.body_bytes import BodyBytes, Share, full


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


@pytest.mark.parametrize(
    ("counts", "held", "taken"),
    [
        pytest.param([60], [True], 60, id="what there is"),
        pytest.param([60, 80], [True, True], 80, id="more: only what is new is taken"),
        pytest.param([60, 60], [True, True], 60, id="as much again"),
        pytest.param([60, 20], [True, True], 20, id="less: the rest is given back"),
        pytest.param([60, 0], [True, True], 0, id="nothing more"),
        pytest.param([60, 101], [True, False], 60, id="too much: what was held stays"),
        pytest.param([101, 100], [False, True], 100, id="then all of it"),
    ],
)
def test_a_share_holds_as_much_as_it_was_told_last(counts: list[int], held: list[bool], taken: int) -> None:
    budget = BodyBytes(100)
    share = Share(budget)
    assert [share.hold(count) for count in counts] == held
    assert budget.taken == taken


def test_shares_hold_no_more_than_there_is_between_them() -> None:
    budget = BodyBytes(100)
    one, other = Share(budget), Share(budget)
    assert one.hold(60)
    assert not other.hold(41)
    assert one.hold(59)
    assert other.hold(41)


def test_full_is_a_refusal_to_come_back_from() -> None:
    refusal = full(BodyBytes(100))
    status, headers, body = render(refusal)
    assert status == 503
    assert headers["Retry-After"] == "1"
    assert "x-should-retry" not in headers
    assert b'"code":"service_unavailable"' in body
    assert refusal.decided_by == "limits.body_bytes"
    assert "100 bytes" in refusal.message
