"""Which refusals get a line of their own, and that what is kept is bounded."""

import pytest

from addons.call import Call
from addons.foundry.refusals import Refusal
from addons.journal import unproven
from addons.journal.unproven import ALONE, ALONE_A_PEER, Unproven, is_unproven
from tests.gates.calls import SOMEONE
from tests.journal.test_record import call, served


def refused(peer: str | None) -> Call:
    return call(refusal=Refusal("unauthorized"), peer=peer)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (refused("192.0.2.1"), True),
        (call(refusal=Refusal("not_found")), True),
        (call(caller=SOMEONE, refusal=Refusal("not_found")), False),
        (served(), False),
        (served(caller=None), False),  # passed on to Foundry, which knows its callers
    ],
)
def test_whom_nobody_knows(made: Call, expected: bool) -> None:
    assert is_unproven(made) == expected


def test_the_first_of_each_peer_stand_alone() -> None:
    counted = Unproven(lambda: 0.0)
    for peer in ("192.0.2.1", "192.0.2.2", None):
        alone = [counted.stands_alone(refused(peer)) for _ in range(ALONE_A_PEER + 2)]
        assert alone == [True] * ALONE_A_PEER + [False] * 2
    total = counted.sum()
    assert total
    assert (total["calls"], total["calls.of_other_peers"]) == (6, 0)
    assert total["peers"] == {"192.0.2.1": 2, "192.0.2.2": 2, "unknown": 2}
    assert counted.sum() is None


def test_many_peers_are_as_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unproven, "PEERS_KEPT", 100)
    counted = Unproven(lambda: 0.0)
    alone = sum(counted.stands_alone(refused(f"peer {number}")) for number in range(1000))
    assert alone == ALONE
    assert len(counted._alone) <= 100
    assert len(counted._peers) <= 100
    total = counted.sum()
    assert total
    assert total["calls"] == 1000 - ALONE
    assert len(total["peers"]) == 10
    assert total["calls.of_other_peers"] == total["calls"] - 10


def test_a_span_ends() -> None:
    now = 5.0
    counted = Unproven(lambda: now)
    assert not counted.over
    now = 65.0
    assert counted.over
    counted.sum()
    assert not counted.over
