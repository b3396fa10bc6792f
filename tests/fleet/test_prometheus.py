"""Every query of dashboard and alerts in a real Prometheus; every alert at its moment and not before."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from tests.conftest import SettingsMaker
from tests.fleet.prometheus import Prometheus, promtool, scraping
from tests.proxy.shown import showing
from tests.proxy.test_dashboards import MONITORING, alert_rules, dashboard_queries
from tests.records import Records
from tests.usage.postgres import Postgres, postgres, postgres_process
from tests.waiting import eventually

__all__ = ["postgres", "postgres_process"]
pytestmark = pytest.mark.fleet

GRAFANA = {"$instance": ".*", "$__rate_interval": "1m", "$__range": "1h"}
"""What Grafana puts in place of its variables."""

NONE_THERE = {"Sidecars by configuration, and whose is refused": "== 0"}
"""Queries of panels that find something in trouble alone, by their ends."""


def written(expression: str) -> str:
    for name, value in GRAFANA.items():
        expression = expression.replace(name, value)
    return expression


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The rules as Prometheus itself reads them: what the operator takes stands under ``spec``."""
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(YAML(typ="safe").load(MONITORING / "alerts.yaml")["spec"]))
    return file


@pytest.fixture
def prometheus(
    make_settings: SettingsMaker, records: Records, tmp_path: Path, postgres: Postgres, rules: Path
) -> Iterator[Prometheus]:
    """It has read a sidecar after calls of every kind, more than once."""
    with (
        showing(make_settings, records, tmp_path, postgres, calls=2) as port,
        scraping(port, tmp_path, rules) as found,
    ):
        eventually(lambda: found.query("count_over_time(foundry_sidecar_build_info[1m]) > 2"))
        yield found


def test_every_query_of_the_dashboard_finds_something(prometheus: Prometheus) -> None:
    found = {}
    for title, query in dashboard_queries():
        if query.startswith("label_values("):
            continue
        in_trouble = (end := NONE_THERE.get(title)) is not None and end in query
        found[title, query] = bool(prometheus.query(written(query))) != in_trouble
    assert [name for name, right in found.items() if not right] == []
    assert len(found) > 30


def test_every_rule_is_taken_and_evaluated(prometheus: Prometheus) -> None:
    def rules() -> dict[str, Any]:
        (group,) = prometheus.ask("rules")["groups"]
        return {rule["name"]: rule["health"] for rule in group["rules"]}

    eventually(lambda: "unknown" not in rules().values())
    assert rules() == dict.fromkeys([rule["alert"] for rule in alert_rules()], "ok")


def test_promtool_takes_the_rules(rules: Path) -> None:
    assert f"{len(alert_rules())} rules found" in promtool("check", "rules", rules)


class Case(NamedTuple):
    """Series with a value a minute, in promtool's short form; ``labels`` stand beside instance and job."""

    alert: str
    fires: tuple[tuple[str, str], ...]
    quiet: tuple[tuple[str, str], ...]


def calls(outcome: str, error: str, values: str, decision: str = "allowed", **labels: str) -> tuple[str, str]:
    more = "".join(f',{name}="{value}"' for name, value in labels.items())
    return (
        f'foundry_sidecar_calls_total{{decision="{decision}",outcome="{outcome}",error_type="{error}"{more}}}',
        values,
    )


def budget(values: str, refused: str = "false") -> tuple[str, str]:
    return f'foundry_sidecar_budget_used{{level="USER",period="day",unit="money",refused="{refused}"}}', values


GROWS, STANDS, ONE, ZERO = "0+60x240", "5x240", "1x240", "0x240"
SERVED = calls("served", "", "0+600x240", usage="reported")
INFO = "foundry_sidecar_build_info"

CASES = (
    Case(
        "SidecarAlarm",
        (('foundry_sidecar_alarms_total{alarm="store_echoed"}', "0x60 1x180"),),
        (
            ('foundry_sidecar_alarms_total{alarm="store_echoed"}', STANDS),
            ('foundry_sidecar_alarms_total{alarm="fault"}', GROWS),
        ),
    ),
    Case(
        "SidecarFault",
        (('foundry_sidecar_alarms_total{alarm="fault"}', "0x60 1x180"),),
        (('foundry_sidecar_alarms_total{alarm="store_echoed"}', GROWS),),
    ),
    Case("SidecarReloadRefused", (("foundry_sidecar_reload_good", ZERO),), (("foundry_sidecar_reload_good", ONE),)),
    Case(
        "SidecarPoliciesDiffer",
        ((f'{INFO}{{policy_hash="a"}}', ONE), (f'{INFO}{{policy_hash="b"}}', ONE)),
        (
            (f'{INFO}{{policy_hash="a",configuration_hash="1"}}', ONE),
            (f'{INFO}{{policy_hash="a",configuration_hash="2"}}', ONE),
        ),
    ),
    Case(
        "SidecarConfigurationsDiffer",
        ((f'{INFO}{{configuration_hash="a"}}', ONE), (f'{INFO}{{configuration_hash="b"}}', ONE)),
        ((f'{INFO}{{configuration_hash="a"}}', ONE),),
    ),
    Case(
        "SidecarCandidateDiffers",
        (('foundry_sidecar_candidate_differences_total{effect="refuses",rule="COST"}', GROWS),),
        (('foundry_sidecar_candidate_differences_total{effect="refuses",rule="COST"}', STANDS),),
    ),
    Case(
        "SidecarCertificateNearExpiry",
        (('foundry_sidecar_certificate_expiry_days{setting="listen.tls.certificate"}', "13x240"),),
        (('foundry_sidecar_certificate_expiry_days{setting="listen.tls.certificate"}', "15x240"),),
    ),
    Case(
        "SidecarModelShutdownNear",
        (('foundry_sidecar_model_shutdown_days{model="m"}', "59x240"), calls("served", "", GROWS, model="m")),
        (('foundry_sidecar_model_shutdown_days{model="m"}', "59x240"), calls("served", "", GROWS, model="other")),
    ),
    *(
        Case(
            "SidecarProviderFailing",
            (SERVED, calls(outcome, outcome, "0+120x240")),
            (SERVED, calls(outcome, outcome, "0+30x240"), calls("provider_error", "provider_rejected", GROWS)),
        )
        for outcome in ("provider_error", "truncated", "timed_out")
    ),
    Case(
        "SidecarVerifierUnreachable",
        (calls("refused", "verifier_unreachable", GROWS, "refused"),),
        (calls("refused", "verifier_unreachable", STANDS, "refused"),),
    ),
    Case(
        "SidecarLimitsNotApplied",
        (("foundry_sidecar_limit_unlimited_total", GROWS),),
        (("foundry_sidecar_limit_unlimited_total", ZERO),),
    ),
    Case(
        "SidecarLimitNearlyUsed",
        (('foundry_sidecar_limit_used{level="USER",kind="TOKENS",model="m"}', "0.95x240"),),
        (('foundry_sidecar_limit_used{level="USER",kind="TOKENS",model="m"}', "0.85x240"),),
    ),
    Case("SidecarBudgetNearlyUsed", (budget("0.8x240"),), (budget("0.79x240"),)),
    Case(
        "SidecarBudgetNearlyUsed",
        (budget("0.8x240"), budget("0.3x240", "true")),
        (budget("0.85x240"), budget("0.9x240", "true")),
    ),
    Case(
        "SidecarBudgetUsedUp",
        (budget("0.79x240"), budget("0.8x240", "true")),
        (budget("1.1x240"), budget("0.3x240", "true")),  # a large estimate did not fit
    ),
    Case(
        "SidecarUsageUnreported",
        (SERVED, calls("served", "", "0+300x240", usage="unknown")),
        (SERVED, calls("served", "", "0+60x240", usage="unknown")),
    ),
    Case(
        "SidecarSlow",
        tuple(
            (f'foundry_sidecar_overhead_duration_seconds_bucket{{decision="allowed",le="{le}"}}', values)
            for le, values in (("0.064", "0+90x240"), ("0.256", "0+100x240"), ("+Inf", "0+100x240"))
        ),
        tuple(
            (f'foundry_sidecar_overhead_duration_seconds_bucket{{decision="allowed",le="{le}"}}', values)
            for le, values in (("0.064", "0+100x240"), ("0.256", "0+100x240"), ("+Inf", "0+100x240"))
        ),
    ),
    Case(
        "SidecarLedgerLagging",
        (("foundry_sidecar_ledger_lag_seconds", "2x240"),),
        (("foundry_sidecar_ledger_lag_seconds", "0.5x240"), ("foundry_sidecar_ledger_waiting", "50x240")),
    ),
    Case(
        "SidecarSharedLedgerLagging",
        (("foundry_sidecar_usage_lag_seconds", "901x240"),),
        (("foundry_sidecar_usage_lag_seconds", "899x240"),),
    ),
    Case(
        "SidecarLedgerRowsLost",
        (("foundry_sidecar_ledger_lost_total", GROWS),),
        (("foundry_sidecar_ledger_lost_total", STANDS),),
    ),
    Case(
        "SidecarUsageRowsNotTaken",
        (("foundry_sidecar_usage_not_taken_total", GROWS),),
        (("foundry_sidecar_usage_not_taken_total", STANDS),),
    ),
    Case(
        "SidecarLogLinesLost",
        (("foundry_sidecar_log_dropped_total", GROWS),),
        (("foundry_sidecar_log_dropped_total", STANDS),),
    ),
)


def _named(series: str) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{instance="a",job="s"{"," if labels else ""}{labels or "}"}'


def _test(case: Case, series: tuple[tuple[str, str], ...], minute: int, *, firing: bool) -> dict[str, Any]:
    expression = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
    return {
        "interval": "1m",
        "input_series": [{"series": _named(name), "values": values} for name, values in series],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": "{}", "value": 1}] if firing else [],
            }
        ],
    }


def test_every_alert_comes_when_it_must_and_not_before(tmp_path: Path, rules: Path) -> None:
    assert {case.alert for case in CASES} == {rule["alert"] for rule in alert_rules()}
    tests = []
    for case in CASES:
        at = 62 if "0x60 1x180" in case.fires[0] else 120
        tests += [_test(case, case.fires, at, firing=True), _test(case, case.quiet, 120, firing=False)]
    file = tmp_path / "tests.json"
    file.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}))
    assert "SUCCESS" in promtool("test", "rules", file)
