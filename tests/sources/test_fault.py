from addons.sources.fault import Fault
from tests.sources.raised_alarms import Alarms


def test_told_at_once_then_each_minute_until_it_is_right() -> None:
    now, alarms = 0.0, Alarms()
    fault = Fault("a_name", alarms, lambda: now)
    for now, wrong, raised, why in (  # noqa: B007 - `now` is the clock
        (0, "broken", 1, "broken"),
        (1, "broken", 1, "broken"),
        (59.9, "broken", 1, "broken"),
        (60, "broken", 2, "broken"),
        (61, "otherwise", 3, "otherwise"),
        (62, None, 3, None),
        (63, None, 3, None),
        (64, "broken", 4, "broken"),
    ):
        fault.wrong(wrong) if wrong else fault.right()
        assert (len(alarms.raised), fault.why) == (raised, why)
    assert set(alarms.names) == {"a_name"}
