"""Where a second decision treats a call otherwise than the first."""

import pytest

from addons.bodies.comparison import Decided, Place, Trial, differences

STORE = Place("ZERO_DATA_RETENTION", "store")
TOOL = Place("ZERO_DATA_RETENTION", "tools[0]")
TIER = Place("COST", "service_tier")
FORCED = Place("ZERO_DATA_RETENTION", "store forced")
GLOBAL, EU = "global gpt-5.2", "eu gpt-5.2-2025-12-11"
LEAVES = Decided(leaves_as=GLOBAL, changed=frozenset({FORCED}))
REFUSED = Decided(refused=STORE)
WARNED = Decided(warned=frozenset({STORE}), leaves_as=GLOBAL, changed=frozenset({FORCED}))

CASES: dict[str, tuple[Decided, Decided, list[str]]] = {
    "the same": (LEAVES, LEAVES, []),
    "refused by both for the same": (REFUSED, REFUSED, []),
    "refused by the second": (LEAVES, REFUSED, ["refuses ZERO_DATA_RETENTION store"]),
    "warned of by the first, refused by the second": (WARNED, REFUSED, ["refuses ZERO_DATA_RETENTION store"]),
    "refused by the first": (REFUSED, LEAVES, ["lets_pass ZERO_DATA_RETENTION store"]),
    "refused by both for another place": (
        REFUSED,
        Decided(refused=TOOL),
        ["refuses_otherwise ZERO_DATA_RETENTION tools[0]"],
    ),
    "refused by both for another rule": (REFUSED, Decided(refused=TIER), ["refuses_otherwise COST service_tier"]),
    "warned of by the second": (LEAVES, WARNED, ["warns ZERO_DATA_RETENTION store"]),
    "warned of by the first": (WARNED, LEAVES, []),
    "changed by one": (
        LEAVES,
        Decided(leaves_as=GLOBAL),
        ["changes ZERO_DATA_RETENTION store forced"],
    ),
    "sent elsewhere": (LEAVES, Decided(leaves_as=EU, changed=LEAVES.changed), [f"sends_otherwise MODEL {EU}"]),
}


@pytest.mark.parametrize(("first", "second", "told"), CASES.values(), ids=CASES)
def test_what_differs(first: Decided, second: Decided, told: list[str]) -> None:
    assert [str(each) for each in differences(first, second)] == told


def test_a_trial_has_failed_only_where_that_is_said() -> None:
    assert [Trial("hash").failed, Trial("hash", failed=True).failed] == [False, True]
