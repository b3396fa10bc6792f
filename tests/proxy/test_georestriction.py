"""Regions through a real proxy: each with a provider and a key of its own, and no way from one to another."""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from addons.configuration.settings import Settings
from addons.simulator.provider import SimulatedProvider
from tests.conftest import PATH, SettingsMaker
from tests.proxy.client import TOKEN, post
from tests.proxy.running import RunningSidecar
from tests.records import Records

PREFIX = "ri.language-model-service..language-model."
KEYS = {"eu": "sk-key-of-the-eu", "us": "sk-key-of-the-us", "global": "sk-key-of-the-world"}
MODELS = [
    {"rid": PREFIX + "both", "provider_model": "both", "regions": ["us", "eu"], "snapshot": {"eu": "both-2026-01-01"}},
    {"rid": PREFIX + "in-eu", "provider_model": "in-eu", "regions": ["eu"]},
    {"rid": PREFIX + "in-us", "provider_model": "in-us", "regions": ["us"], "snapshot": {"us": "in-us-2026-02-02"}},
    {"rid": PREFIX + "in-jp", "provider_model": "in-jp", "regions": ["jp"]},
]

type Providers = Mapping[str, SimulatedProvider]
type Make = Callable[..., Settings]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    directory = tmp_path_factory.mktemp("regions")  # one authority for all
    started = {region: SimulatedProvider(api_key=key, directory=directory).start() for region, key in KEYS.items()}
    yield started
    for each in started.values():
        each.close()


@pytest.fixture
def providers(processes: Providers) -> Providers:
    for each in processes.values():
        each.clear()
    return processes


@pytest.fixture
def make(make_settings: SettingsMaker, providers: Providers, tmp_path: Path) -> Make:
    def settings(*allowed: str, urls: Mapping[str, str] | None = None) -> Settings:
        regions: dict[str, Any] = {}
        for region, provider in providers.items():
            (tmp_path / region).write_text(KEYS[region])
            regions[region] = {"url": (urls or {}).get(region, provider.url), "api_key": {"file": tmp_path / region}}
        section = {"regions": regions, "allowed_regions": allowed, "trusted_ca": providers["eu"].ca_file}
        return make_settings(provider=section, models={"extra": MODELS})

    return settings


def dialled(providers: Providers) -> set[str]:
    return {region for region, provider in providers.items() if provider.dialled}


def asking_for(name: str) -> dict[str, str]:
    return {"model": PREFIX + name, "input": "x"}


@pytest.mark.parametrize(
    ("allowed", "model", "region", "sent"),
    [
        (["eu"], "both", "eu", "both-2026-01-01"),
        (["us"], "both", "us", "both"),
        (["eu", "us"], "both", "eu", "both-2026-01-01"),
        (["us", "eu"], "both", "us", "both"),
        (["us", "eu"], "in-eu", "eu", "in-eu"),
        (["global", "us"], "both", "us", "both"),
        (["eu", "global", "us"], "in-us", "us", "in-us-2026-02-02"),
        (["eu"], "gpt-5-2", "eu", "gpt-5.2-2025-12-11"),
        (["global", "eu"], "gpt-5-2", "global", "gpt-5.2"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_call_goes_to_the_first_allowed_region_of_its_model(
    make: Make,
    providers: Providers,
    records: Records,
    allowed: list[str],
    model: str,
    region: str,
    sent: str,
    stream: bool,
) -> None:
    with RunningSidecar(make(*allowed)) as sidecar:
        assert post(sidecar.port, {**asking_for(model), "stream": stream}).status == 200
    assert dialled(providers) == {region}
    (call,) = providers[region].calls
    assert json.loads(call.body)["model"] == sent
    assert call.values("authorization") == [f"Bearer {KEYS[region]}"]
    (record,) = records.wait()
    assert record["region"] == region


@pytest.mark.parametrize(
    ("allowed", "model"), [(["eu"], "in-us"), (["global"], "both"), (["eu", "us", "global"], "in-jp")]
)
def test_a_model_that_may_be_used_in_no_allowed_region(
    make: Make, providers: Providers, records: Records, allowed: list[str], model: str
) -> None:
    with RunningSidecar(make(*allowed)) as sidecar:
        reply = post(sidecar.port, asking_for(model))
    assert (reply.status, reply.code) == (404, "model_not_found")
    assert reply.json["errorName"] == "LanguageModelService:LanguageModelNotAvailable"
    assert dialled(providers) == set()
    (record,) = records.wait()
    assert (record["policy.decision"], record["policy.rule"]) == ("refused", "GEORESTRICTION")


def test_calls_of_one_connection_go_each_to_its_region_with_its_key(make: Make, providers: Providers) -> None:
    names = ["in-eu", "in-us", "in-eu", "both", "in-us"]
    with RunningSidecar(make("us", "eu")) as sidecar:
        connection = http.client.HTTPConnection("localhost", sidecar.port)
        for name in names:
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            connection.request("POST", PATH, json.dumps(asking_for(name)), headers)
            response = connection.getresponse()
            assert (response.status, bool(response.read())) == (200, True)
        connection.close()
    for region, count in (("eu", 2), ("us", 3), ("global", 0)):
        calls = providers[region].calls
        assert len(calls) == count
        assert {value for call in calls for value in call.values("authorization")} <= {f"Bearer {KEYS[region]}"}
        for other in KEYS.values():
            assert other == KEYS[region] or other not in repr([(call.headers, call.body) for call in calls])


def test_a_region_that_is_down_has_no_stand_in(make: Make, providers: Providers, records: Records) -> None:
    with SimulatedProvider() as gone:
        url = gone.url
    with RunningSidecar(make("eu", "us", "global", urls={"eu": url})) as sidecar:
        reply = post(sidecar.port, asking_for("both"))
    assert (reply.status, reply.code) == (503, "upstream_unreachable")
    assert dialled(providers) == set()
    (record,) = records.wait()
    assert (record["call.outcome"], record["region"]) == ("provider_error", "eu")


@pytest.mark.parametrize("directive", ["status=500", "status=503", "status=404", "status=401", "status=429", "reset"])
def test_a_region_that_fails_has_no_stand_in(make: Make, providers: Providers, directive: str) -> None:
    providers["eu"].script(directive)
    with RunningSidecar(make("eu", "us", "global")) as sidecar:
        assert post(sidecar.port, asking_for("both")).status >= 400
    assert dialled(providers) == {"eu"}
    assert len(providers["eu"].calls) == 1


def test_a_redirect_to_another_region_is_not_followed(make: Make, providers: Providers) -> None:
    providers["eu"].script(f"redirect={providers['us'].url}/responses")
    with RunningSidecar(make("eu", "us")) as sidecar:
        reply = post(sidecar.port, asking_for("both"))
    assert (reply.status, reply.code) == (500, "upstream_error")
    assert "location" not in reply.headers
    assert dialled(providers) == {"eu"}


@pytest.mark.parametrize("directive", ["status=401 code=incorrect_hostname", "status=403 code=data_residency_mismatch"])
def test_a_provider_that_says_wrong_region_raises_an_alarm(
    make: Make, providers: Providers, records: Records, directive: str
) -> None:
    providers["eu"].script(directive)
    with RunningSidecar(make("eu", "us")) as sidecar:
        reply = post(sidecar.port, asking_for("both"))
    assert (reply.status, reply.code) == (500, "upstream_auth_failure")
    assert reply.json["parameters"] == {}
    assert "www-authenticate" not in reply.headers
    assert dialled(providers) == {"eu"}
    assert [alarm["alarm"] for alarm in records.wait("alarm")] == ["georestriction"]
