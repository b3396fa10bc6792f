"""What variables and ``--set`` say, laid over the file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from addons.configuration import loading, overrides
from addons.configuration.errors import ConfigurationError
from addons.configuration.settings import Settings
from addons.values.secret import Secret

MODEL = "ri.language-model-service..language-model.gpt-5-2"
FOLDER = "ri.compass.main.folder.Some-Folder.1"


def load(*assignments: str, **variables: str) -> Settings:
    os.environ.update(variables)
    overrides.apply_overrides(assignments)
    return loading.load(None)


def test_names_of_callers_projects_and_models_keep_their_case() -> None:
    limits = load(
        "limits.user.Alice.requests_per_minute=1",
        'limits.user."Ada.Lovelace".requests_per_minute=2',
        f'limits.project."{FOLDER}".requests_per_minute=3',
        f'limits.enrollment."{MODEL}".tokens_per_minute=4',
        "LIMITS.user.default.requests_per_minute=5",
        SIDECAR_LIMITS__USER__Bob__TOKENS_PER_MINUTE="6",
    ).limits
    assert {name: each.requests_per_minute for name, each in limits.user.items()} == {  # type: ignore[union-attr]  # it is set
        "Alice": 1, "Ada.Lovelace": 2, "default": 5, "Bob": None,
    }  # fmt: skip
    assert list(limits.project) == [FOLDER]
    assert list(limits.enrollment) == [MODEL]


def test_keys_of_our_own_are_in_lower_case_in_the_file() -> None:
    settings = load(
        SIDECAR_PROVIDER__REGIONS__GLOBAL__ORGANIZATION="org-1", SIDECAR_LIMITS__PROJECT__DEFAULT__TOKENS_PER_MINUTE="1"
    )
    assert settings.provider.regions["global"].organization == "org-1"
    assert list(settings.limits.project) == ["default"]


def test_an_option_goes_before_a_variable_and_one_key_before_its_section() -> None:
    settings = load(
        "listen.reverse=127.0.0.1:3",
        SIDECAR_LISTEN__REVERSE="127.0.0.1:2",
        SIDECAR_LISTEN='{"reverse": "127.0.0.1:1", "head_seconds": 7}',
        SIDECAR_LISTEN__HEAD_SECONDS="8",
    )
    assert (settings.listen.reverse, settings.listen.head_seconds) == ("127.0.0.1:3", 8)


def test_sections_are_merged_and_secrets_replaced(tmp_path: Path) -> None:
    file = tmp_path / "sidecar.yaml"
    file.write_text(
        "caller: {verifier: development}\nlisten: {head_seconds: 5, reverse: '127.0.0.1:1'}\n"
        "provider: {regions: {global: {api_key: {file: key}}}}\n"
    )
    os.environ["SIDECAR_LISTEN"] = '{"reverse": "127.0.0.1:2"}'
    os.environ["SIDECAR_PROVIDER__REGIONS__GLOBAL__API_KEY"] = '{"env": "KEY"}'
    settings = loading.load(file)
    assert (settings.listen.reverse, settings.listen.head_seconds) == ("127.0.0.1:2", 5)
    assert settings.provider.regions["global"].api_key == Secret(env="KEY")


@pytest.mark.parametrize("address", ["[::1]:8080", "[::]:0", "[2001:db8::5]:65535"])
def test_an_ipv6_address_is_no_list(address: str) -> None:
    assert load(f"listen.admin={address}").listen.admin == address
    assert load(SIDECAR_LISTEN__ADMIN=address).listen.admin == address


def test_null_takes_a_value_away() -> None:
    assert load("provider.timeouts.total=5").provider.timeouts.total == 5
    assert load("provider.timeouts.total=null").provider.timeouts.total is None


@pytest.mark.parametrize(
    "name",
    [
        "SIDECAR_SERVICE_HOST",
        "SIDECAR_SERVICE_PORT",
        "SIDECAR_SERVICE_PORT_HTTP",
        "SIDECAR_PORT",
        "SIDECAR_PORT_8080_TCP",
        "SIDECAR_PORT_8080_TCP_PROTO",
        "SIDECAR_PORT_8080_TCP_ADDR",
        "SIDECAR_FOUNDRY_SERVICE_HOST",
        "SIDECAR_FOUNDRY_PORT_443_TCP_PORT",
    ],
)
def test_what_kubernetes_injects_for_a_service_of_that_name(name: str) -> None:
    assert load(**{name: "10.0.0.1"}) == load()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"sidecar_caller__verifier": "development"}, "sidecar_caller__verifier: write SIDECAR_ in capitals"),
        ({"SIDECAR_caller__verifier": "development"}, "SIDECAR_caller__verifier: write CALLER in capitals"),
        ({"SIDECAR_CALLER__verifier": "development"}, "SIDECAR_CALLER__verifier: write VERIFIER in capitals"),
        ({"SIDECAR_CALER__VERIFIER": "development"}, "no such setting; sections are caller, "),
        ({"SIDECAR_LISTEN": "{"}, "the environment variable SIDECAR_LISTEN: is not JSON"),
        (
            {"SIDECAR_FOUNDRY__HOSTNAMES": "a.example"},
            'foundry.hostnames: write a list, as JSON: ["a", "b"] (set by the environment variable SIDECAR_FOUNDRY',
        ),
        ({"SIDECAR_MITMPROXY__LEAN": "false"}, "no such setting"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_variable(variables: Mapping[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(**variables)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("listen.reverse=nowhere", "listen.reverse: 'nowhere' is not an address; write HOST:PORT"),
        ("foundry.hostnames=a.example", 'foundry.hostnames: write a list, as JSON: ["a", "b"] (set by --set foundry.'),
        ('foundry.hostnames=["a', "--set foundry.hostnames: is not JSON"),
        ("listen.revers=x", "listen.revers: no such key; did you mean reverse? (set by --set listen.revers)"),
        (f"limits.project.{FOLDER}.requests_per_minute=1", "limits.project.ri: write a resource identifier"),
        ("listen", "write --set KEY=VALUE"),
        ("=hunter2", "--set : write --set KEY=VALUE"),
        ("limits..storage=redis://:hunter2@h=1", "--set limits..storage: write --set KEY=VALUE"),
        ('limits.user."Ada=hunter2', '--set limits.user."Ada: write --set KEY=VALUE'),
        ("", "write --set KEY=VALUE"),
    ],
)
def test_a_wrong_option(assignment: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(assignment)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_all_are_taken_out_of_the_environment_and_nothing_else() -> None:
    kept: dict[str, Any] = {"SIDECAR_CONFIG": "x", "SIDECAR_SERVICE_HOST": "10.0.0.1", "OTHER": "1"}
    before = {**os.environ, **kept}
    os.environ.update(kept, SIDECAR_LISTEN__REVERSE="127.0.0.1:2", SIDECAR_LOG='{"format": "json"}')
    overrides.apply_overrides(["log.format=json"])
    overrides.clear()
    assert os.environ == before
