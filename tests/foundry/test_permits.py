"""What a call was charged, before anything was."""

from addons.foundry.permits import Permits


def test_a_call_that_was_charged_nothing_is_neither_warned_of_nor_let_through_unlimited() -> None:
    permits = Permits()
    assert not permits.warned
    assert not permits.unlimited
    assert list(permits.standings) == []
