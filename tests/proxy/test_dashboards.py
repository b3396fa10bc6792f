"""Every query of the dashboard and the alert rules names metrics, labels and values that a real run exposes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from addons.call import Outcome
from addons.foundry.alarm_names import Alarm
from addons.foundry.refusals import KINDS
from tests.conftest import SettingsMaker
from tests.proxy.client import send
from tests.proxy.shown import showing
from tests.records import Records
from tests.usage.postgres import Postgres, postgres, postgres_process

__all__ = ["postgres", "postgres_process"]

MONITORING = Path(__file__).parent.parent.parent / "deploy/components/monitoring"
TABLES = {
    "outcome": [outcome.value for outcome in Outcome],
    "error_type": [*KINDS, *(outcome.value for outcome in Outcome)],
    "alarm": [alarm.value for alarm in Alarm],
    "usage": ["reported", "interrupted", "unknown"],
    "refused": ["true", "false"],
}
"""Label values that one run does not all show."""

ADDED_BY_PROMETHEUS = {"instance", "job"}

type Exposed = dict[str, dict[str, set[str]]]
"""Metric to its labels to their values."""


def dashboard_queries() -> Iterator[tuple[str, str]]:
    dashboard = json.loads((MONITORING / "grafana.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


def alert_rules() -> list[dict[str, Any]]:
    written = YAML(typ="safe").load(MONITORING / "alerts.yaml")
    return [rule for group in written["spec"]["groups"] for rule in group["rules"]]


QUERIES = [*dashboard_queries(), *((rule["alert"], rule["expr"]) for rule in alert_rules())]


@pytest.fixture(scope="module")
def kept() -> Exposed:
    return {}


@pytest.fixture
def exposed(
    make_settings: SettingsMaker, records: Records, tmp_path: Path, kept: Exposed, postgres: Postgres
) -> Exposed:
    """What a sidecar exposes after a call of every kind; one run serves all tests here."""
    if kept:
        return kept
    with showing(make_settings, records, tmp_path, postgres) as port:
        text = send(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body.decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = kept.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return kept


def metrics(query: str) -> list[tuple[str, str]]:
    """Each metric with the text of its selector."""
    without_groups = re.sub(r"\bby \([^)]*\)", "", query)
    return re.findall(r"\b((?:foundry_sidecar|gen_ai|process|python)_\w+)(?:\{([^}]*)\})?", without_groups)


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_a_query_finds_what_it_asks_for(title: str, query: str, exposed: Exposed) -> None:
    named = metrics(query)
    assert named, "a query without a metric of ours"
    for metric, selector in named:
        assert metric in exposed
        for label, operator, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', selector):
            if label in ADDED_BY_PROMETHEUS:
                continue
            assert label in exposed[metric], f"{metric} has no label {label}"
            values = exposed[metric][label] | set(TABLES.get(label, ()))
            for each in value.split("|") if "~" in operator else [value]:
                assert each in values, f"{metric}: {label} is never {each}"
    groups = {label for group in re.findall(r"\bby \(([^)]*)\)", query) for label in re.split(r",\s*", group)}
    for label in groups - ADDED_BY_PROMETHEUS:
        assert all(label in exposed[metric] for metric, _ in named), f"{label} is no label there"


@pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule["alert"])
def test_a_rule_tells_only_of_labels_it_keeps(rule: dict[str, Any]) -> None:
    told = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
    groups = re.findall(r"\bby \(([^)]*)\)", rule["expr"])
    kept = {label for group in groups for label in re.split(r",\s*", group)} if groups else {"instance"}
    assert told
    assert told <= kept


def selected(query: str, labels: dict[str, str]) -> bool:
    """Whether the first metric of a query takes in a series with these labels, as PromQL reads its selector."""
    selector = re.search(r"\{([^}]*)\}", query)
    assert selector
    for label, operator, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', selector[1]):
        matches = re.fullmatch(value if "~" in operator else re.escape(value), labels.get(label, ""))
        if (matches is None) == (operator in {"=", "=~"}):
            return False
    return True


THE_PROVIDERS: dict[Outcome, bool] = {
    Outcome.SERVED: False,
    Outcome.PROVIDER_ERROR: True,
    Outcome.TRUNCATED: True,
    Outcome.TIMED_OUT: True,
    Outcome.CALLER_GONE: False,
    Outcome.CALLER_STALLED: False,
    Outcome.SHUT_DOWN: False,
    Outcome.REFUSED: False,
    Outcome.FAULT: False,
}
"""Whose fault it is that a call ended so."""


@pytest.mark.parametrize("outcome", Outcome)
def test_the_alert_for_a_failing_provider_sees_every_way_it_fails(outcome: Outcome) -> None:
    (rule,) = [rule for rule in alert_rules() if rule["alert"] == "SidecarProviderFailing"]
    labels = {"decision": "allowed", "outcome": outcome.value, "error_type": outcome.value}
    assert selected(rule["expr"], labels) == THE_PROVIDERS[outcome]
    assert selected(rule["expr"].partition(" / ")[2], labels), "and it is one of those that left"
    assert not selected(rule["expr"], {**labels, "error_type": "provider_rejected"}), "the caller's own mistake"


def test_legends_name_labels_of_their_queries() -> None:
    for panel in json.loads((MONITORING / "grafana.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert re.search(rf"\bby \([^)]*\b{label}\b", target["expr"]) or label in ADDED_BY_PROMETHEUS
