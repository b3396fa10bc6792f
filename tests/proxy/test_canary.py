"""An answer that claims what was not asked for raises an alarm, and reaches the caller all the same."""

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(
    ("directive", "alarms"),
    [
        ("", []),
        ("echo_store", ["store_echoed"]),
        ("echo_store failed", ["store_echoed"]),
        ("echo_background incomplete", ["background_echoed"]),
        ("echo_tier=priority", ["service_tier_echoed"]),
        ("echo_store echo_background echo_tier=flex", ["store_echoed", "background_echoed", "service_tier_echoed"]),
    ],
)
def test_what_an_answer_claims(
    sidecar: RunningSidecar,
    provider: SimulatedProvider,
    records: Records,
    directive: str,
    alarms: list[str],
    stream: bool,
) -> None:
    provider.script(directive)
    assert post(sidecar.port, {**HELLO, "stream": stream, "service_tier": "default"}).status == 200
    (record,) = records.wait()
    assert record["call.outcome"] == ("provider_error" if "failed" in directive else "served")
    raised = records.of("alarm")
    assert [alarm["alarm"] for alarm in raised] == alarms
    assert {alarm["call.id"] for alarm in raised} <= {record["call.id"]}


def test_a_tier_that_was_asked_for_raises_none(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    with RunningSidecar(make_settings(policy={"service_tiers": ["flex"]})) as sidecar:
        assert post(sidecar.port, {**HELLO, "service_tier": "flex"}).json["service_tier"] == "flex"
    records.wait()
    assert records.of("alarm") == []
