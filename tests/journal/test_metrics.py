"""What of a record is counted, and how Prometheus and a collector read it."""

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import Gauge, Histogram, HistogramDataPoint, Sum
from prometheus_client.parser import text_string_to_metric_families

from addons.call import Answer, Call, OtherPath, Outcome
from addons.foundry.alarm_names import Alarm
from addons.foundry.budgets import PeriodBudget, Reserved
from addons.foundry.permits import Meter, Permits
from addons.foundry.refusals import Refusal
from addons.journal.alarms import Alarms
from addons.journal.instruments import ROWS
from addons.journal.metrics import Measured, Metrics
from addons.journal.otlp import metric_of
from addons.journal.prometheus import Exposition
from addons.journal.readings import Reading
from addons.journal.record import record_of
from addons.journal.sums import Distribution
from tests.journal.test_record import LATER, REFUSED, USAGE, call, served

type Points = dict[frozenset[str], Any]
"""Points by the values of their labels."""


def settled(*calls: Call, readings: tuple[Reading, ...] = ()) -> dict[str, Points]:
    metrics = Metrics(readings)
    for each in calls:
        metrics.settle(each, record_of(each))
    return {
        measured.instrument.name: {frozenset(labels.values()): point for labels, point in measured.points}
        for measured in metrics.collect()
    }


def value(found: Mapping[str, Points], name: str, *labels: str) -> Any:
    (point,) = [point for own, point in found[name].items() if own >= set(labels)]
    return point


def test_every_row_is_collected_once() -> None:
    assert list(settled()) == [row.name for row in ROWS]


def test_a_served_call() -> None:
    found = settled(served(), served())
    assert found["foundry.sidecar.calls"] == {frozenset({"allowed", "served", "gpt-5.2", "eu", "200", "reported"}): 2}
    asked = frozenset({"chat", "openai", "gpt-5.2", "eu.example", "8443"})
    for kind, name, tokens in (
        ("input", "input", USAGE.input_tokens),
        ("cached", "cache_read.input", USAGE.cached_tokens),
        ("cache_write", "cache_write.input", USAGE.cache_write_tokens),
        ("output", "output", USAGE.output_tokens),
        ("reasoning", "reasoning.output", USAGE.reasoning_tokens),
    ):
        assert tokens
        assert found[f"gen_ai.client.inference.usage.{name}_tokens"] == {asked | {"unknown"}: 2 * tokens}
        assert value(found, "foundry.sidecar.tokens", kind, "eu") == 2 * tokens
    spread = found["gen_ai.client.inference.operation.input_tokens"][asked]
    assert (sum(spread.buckets), spread.total) == (2, 20)
    assert sum(found["gen_ai.client.inference.duration"][asked].buckets) == 2
    assert found["gen_ai.client.inference.time_to_first_chunk"][asked].total == 1.0


def test_the_first_chunk_is_measured_of_streams_alone() -> None:
    whole = served(answer=Answer(200, first_byte_at=2.5))
    assert settled(whole)["gen_ai.client.inference.time_to_first_chunk"] == {}


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.SERVED])
def test_a_call_that_was_not_served_counts_as_such(outcome: Outcome) -> None:
    found = settled(served(outcome=outcome, answer=Answer(200)))
    assert value(found, "foundry.sidecar.calls", "allowed", str(outcome)) == 1
    if outcome is not Outcome.REFUSED:
        assert sum(value(found, "gen_ai.client.inference.duration", str(outcome)).buckets) == 1
    assert value(found, "gen_ai.client.inference.usage.input_tokens", "unknown") == 0


def test_a_refused_call_asked_no_model() -> None:
    found = settled(call(refusal=REFUSED, status=400))
    assert found["foundry.sidecar.calls"] == {
        frozenset({"refused", "refused_feature", "ZERO_DATA_RETENTION", "other", "400"}): 1
    }
    assert not any(points for name, points in found.items() if name.startswith("gen_ai."))


def test_what_went_wrong_is_one_of_our_words() -> None:
    found = settled(served(outcome=Outcome.PROVIDER_ERROR, refusal=LATER, status=500))
    assert value(found, "foundry.sidecar.calls", "provider_error", "provider_failed") == 1
    assert not any("server_error" in labels for points in found.values() for labels in points)


def test_calls_passed_on_are_counted_apart() -> None:
    other = served(other_path=OtherPath("acme.example", "/api"), model=None)
    refused = call(other_path=OtherPath("acme.example", "/api"), refusal=Refusal("foundry_unreachable"), status=503)
    found = settled(other, refused)
    assert found["foundry.sidecar.calls"] == {}
    assert found["foundry.sidecar.other_paths"] == {
        frozenset({"allowed", "served", "200"}): 1,
        frozenset({"refused", "foundry_unreachable", "503"}): 1,
    }


def test_what_is_not_served_is_counted_by_api() -> None:
    refused = [
        call(not_served=path, refusal=Refusal("not_found"), status=404)
        for path in ("anthropic/messages", "anthropic/messages", "google/other", None)
    ]
    assert settled(*refused, served())["foundry.sidecar.not_served"] == {
        frozenset({"anthropic/messages"}): 2,
        frozenset({"google/other"}): 1,
    }


def test_limits() -> None:
    meter = Meter("USER", "anna", "a model", "TOKENS")
    permits = Permits(
        meters=(meter, meter), limits=(100, 0), previous=(0, 0), current=(50, 50), elapsed=1.0, unlimited=True
    )
    found = settled(served(permits=permits))
    assert found["foundry.sidecar.limit.used"] == {frozenset({"USER", "TOKENS", "gpt-5.2"}): 0.5}
    assert found["foundry.sidecar.limit.unlimited"] == {frozenset(): 1}


DAY, MONEY = (
    PeriodBudget("USER", "anna", "", "day", "tokens", 100),
    PeriodBudget("USER", "anna", "ri.m", "month", "money", 0),
)


def reserved(estimate: int, filled: int, *, charged: bool = True) -> Reserved:
    keys = ("day", "month") if charged else ()
    return Reserved((DAY, MONEY), keys, (estimate, 5), (1, 1), (filled, 5), tokens=estimate)


@pytest.mark.parametrize(
    ("ended", "share", "refused"),
    [
        (served(reserved=reserved(90, 100), sent_at=2.0), 0.4, "false"),  # 10 were there, and it used 30
        (served(reserved=reserved(2, 82), sent_at=2.0), 1.1, "false"),  # it used more than its estimate
        (call(reserved=reserved(90, 110, charged=False), refusal=Refusal("budget_exceeded")), 0.2, "true"),
        (call(reserved=reserved(10, 105), refusal=Refusal("budget_exceeded")), 0.95, "true"),  # it lost a race
        (call(reserved=reserved(90, 100), refusal=Refusal("ledger_unavailable")), 0.1, "false"),
    ],
    ids=[
        "a large estimate",
        "a small one",
        "refused for a large one",
        "refused in a race",
        "refused for another reason",
    ],
)
def test_budgets(ended: Call, share: float, refused: str) -> None:
    found = settled(ended)
    assert found["foundry.sidecar.budget.used"] == {frozenset({"USER", "day", "tokens", refused}): share}


def test_of_two_budgets_the_one_that_was_full_refused() -> None:
    week = PeriodBudget("USER", "anna", "", "week", "tokens", 1000)
    both = Reserved((DAY, week), amounts=(50, 50), filled=(110, 500))
    found = settled(call(reserved=both, refusal=Refusal("budget_exceeded")))
    assert found["foundry.sidecar.budget.used"] == {
        frozenset({"USER", "day", "tokens", "true"}): 0.6,
        frozenset({"USER", "week", "tokens", "false"}): 0.45,
    }


def test_a_full_budget_that_warns_alone_refused_nothing() -> None:
    found = settled(served(reserved=reserved(10, 120)))
    assert found["foundry.sidecar.budget.used"] == {frozenset({"USER", "day", "tokens", "false"}): 1.1}


READINGS = (
    Reading("a.gauge", "s", "about it", lambda: [(1.5, {"state": "open"})]),
    Reading("a.count", "{row}", "about it", lambda: [(3, {})], counts=True),
)


def test_readings_are_asked_each_time() -> None:
    found = settled(readings=READINGS)
    assert (value(found, "a.gauge", "open"), value(found, "a.count")) == (1.5, 3)


ASKED = {
    "gen_ai_operation_name": "chat",
    "gen_ai_provider_name": "openai",
    "gen_ai_request_model": "gpt-5.2",
    "server_address": "eu.example",
    "server_port": "8443",
}
CHUNK = "gen_ai_client_inference_time_to_first_chunk_seconds"


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("target_info", {"service_version": "1.2"}, 1),
        ("a_gauge_seconds", {"state": "open"}, 1.5),
        ("a_count_total", {}, 3),
        (f"{CHUNK}_bucket", {**ASKED, "le": "0.32"}, 0),
        (f"{CHUNK}_bucket", {**ASKED, "le": "0.64"}, 1),
        (f"{CHUNK}_bucket", {**ASKED, "le": "+Inf"}, 1),
        (f"{CHUNK}_count", ASKED, 1),
        (f"{CHUNK}_sum", ASKED, 0.5),
        (
            "gen_ai_client_inference_usage_cache_write_input_tokens_total",
            {**ASKED, "gen_ai_token_modality": "unknown"},
            2,
        ),
        ("foundry_sidecar_alarms_total", {"alarm": "provider_key_quoted"}, 1),
        *(
            ("foundry_sidecar_alarms_total", {"alarm": alarm.value}, 0)
            for alarm in Alarm
            if alarm is not Alarm.PROVIDER_KEY_QUOTED
        ),
        ("foundry_sidecar_limit_unlimited_total", {}, 0),
    ],
)
def test_what_prometheus_reads(name: str, labels: dict[str, str], expected: float) -> None:
    alarms = Alarms()
    alarms.raise_alarm(Alarm.PROVIDER_KEY_QUOTED)
    metrics = Metrics((*READINGS, alarms.reading))
    metrics.settle(made := served(), record_of(made))
    _, page = Exposition(metrics.collect, {"service.version": "1.2"}).page()
    families = list(text_string_to_metric_families(page.decode()))
    found = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }
    assert found[name, frozenset(labels.items())] == expected
    types = {family.name: family.type for family in families}
    assert (types["a_gauge_seconds"], types["a_count"], types[CHUNK]) == ("gauge", "counter", "histogram")


def test_what_a_collector_gets() -> None:
    metrics = Metrics(READINGS)
    metrics.settle(made := served(), record_of(made))
    found = {metric.name: metric for metric in (metric_of(measured, 1, 2) for measured in metrics.collect())}
    assert found.keys() == {*(row.name for row in ROWS), "a.gauge", "a.count"}
    kinds = {name: type(metric.data) for name, metric in found.items()}
    assert kinds == {
        **{row.name: {"counter": Sum, "gauge": Gauge, "histogram": Histogram}[row.kind] for row in ROWS},
        "a.gauge": Gauge,
        "a.count": Sum,
    }
    assert (found["a.gauge"].unit, found["a.count"].unit) == ("s", "{row}")
    (point,) = found["gen_ai.client.inference.duration"].data.data_points
    assert isinstance(point, HistogramDataPoint)
    assert point.attributes
    assert point.attributes["server.port"] == 8443
    assert point.count == sum(point.bucket_counts) == 1
    assert (point.start_time_unix_nano, point.time_unix_nano) == (1, 2)


def test_a_distribution_is_shown_with_all_its_buckets() -> None:
    row = next(row for row in ROWS if row.kind == "histogram")
    buckets = tuple(range(len(row.boundaries) + 1))
    metric = metric_of(Measured(row, (({}, Distribution(buckets, 1.0, 0.1, 0.9)),)), 1, 2)
    (point,) = metric.data.data_points
    assert isinstance(point, HistogramDataPoint)
    assert (point.bucket_counts, point.explicit_bounds, point.min, point.max) == (buckets, row.boundaries, 0.1, 0.9)
