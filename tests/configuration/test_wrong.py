"""One table of wrong configurations: each is told with the key to change and what to write."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from addons.commands.examined import examined
from addons.configuration import loading
from addons.configuration.errors import ConfigurationError

MODEL = "ri.language-model-service..language-model.gpt-5-2"
OWN = "ri.language-model-service..language-model.mine"


def document(**sections: Mapping[str, Any]) -> dict[str, Any]:
    """A right configuration, with these sections' keys in place of its own."""
    whole: dict[str, Any] = {
        "listen": {"reverse": "127.0.0.1:9000"},
        "provider": {"regions": {"global": {"api_key": {"env": "KEY"}}}},
        "caller": {"verifier": "development"},
        "usage": {"ledger": "off"},
    }
    for name, keys in sections.items():
        whole[name] = {**whole.get(name, {}), **keys} if isinstance(keys, dict) else keys
    return whole


def region(**keys: Any) -> dict[str, Any]:
    return {"provider": {"regions": {"global": {"api_key": {"env": "KEY"}, **keys}}}}


def told(directory: Path, text: str) -> str:
    file = directory / "sidecar.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        loading.load(file)
    return str(caught.value)


def written(directory: Path, whole: Mapping[str, Any]) -> str:
    file = directory / "written.yaml"
    with file.open("w") as stream:
        YAML(typ="safe").dump(whole, stream)
    return file.read_text()


INFINITY = float("inf")
NUMBERS: list[tuple[str, dict[str, Any]]] = [
    ("provider.timeouts.read", {"provider": {**document()["provider"], "timeouts": {"read": INFINITY}}}),
    ("listen.head_seconds", {"listen": {"head_seconds": INFINITY}}),
    ("lifecycle.drain_seconds", {"lifecycle": {"drain_seconds": 1e300}}),
    ("usage.keep_days", {"usage": {"keep_days": 10**400}}),
    ("limits.body_bytes", {"limits": {"body_bytes": 2**60}}),
    ("limits.user.default.tokens_per_minute", {"limits": {"user": {"default": {"tokens_per_minute": 10**400}}}}),
    (
        "limits.budgets.user.default.day.tokens",
        {"limits": {"budgets": {"user": {"default": {"day": {"tokens": 10**400}}}}}},
    ),
]
"""Of numbers without a bound of their own."""

NO_HOME = "~nobody-of-this-name"


def issuers(**second: Any) -> dict[str, Any]:
    keys = {"issuer": "https://a.example", "audience": "x", "jwks_url": "https://a.example/keys"}
    other = {"issuer": "https://b.example", "audience": "x", **second}
    return {"caller": {"verifier": "jwt", "jwt": [keys, other]}}


WRONG: list[Any] = [
    # development mode on the network
    pytest.param({"listen": {"reverse": "0.0.0.0:80"}}, "listen.reverse", "accepts any token", id="all addresses"),
    pytest.param({"listen": {"proxy": "0.0.0.0:80"}}, "listen.proxy", "accepts any token", id="the explicit proxy too"),
    pytest.param({"listen": {"proxy": "[::]:80"}}, "listen.proxy", "accepts any token", id="all IPv6 addresses"),
    pytest.param({"listen": {"reverse": "somewhere:80"}}, "listen.reverse", "accepts any token", id="a host name"),
    # listeners
    pytest.param({"listen": {"admin": "127.0.0.1:9000"}}, "listen.admin", "another listener's", id="one port twice"),
    pytest.param(
        {"listen": {"admin": "0.0.0.0:9000"}}, "listen.admin", "another listener's", id="one port, all addresses"
    ),
    pytest.param({"listen": {"proxy": "localhost:9000"}}, "listen.proxy", "another listener's", id="one port by name"),
    pytest.param({"listen": {"proxy": "127.0.0.1:70000"}}, "listen.proxy", "write HOST:PORT", id="port too large"),
    pytest.param({"listen": {"write_seconds": 0}}, "listen.write_seconds", "greater than 0", id="no time to read"),
    # host names
    pytest.param(
        {"foundry": {"hostnames": ["https://acme.example"]}}, "foundry.hostnames.0", "here acme.example", id="a URL"
    ),
    pytest.param(
        {"foundry": {"hostnames": ["acme.example:443"]}}, "foundry.hostnames.0", "here acme.example", id="a port"
    ),
    pytest.param(
        {"foundry": {"hostnames": ["acme example"]}}, "foundry.hostnames.0", "only the host name", id="a space"
    ),
    pytest.param({"foundry": {"hostnames": "acme.example"}}, "foundry.hostnames", "write a list", id="no list"),
    pytest.param(
        {"foundry": {"hostnames": ["acme.example"], "addresses": {"other.example": "10.0.0.1:443"}}},
        "foundry",
        "addresses names other.example",
        id="address of another host",
    ),
    pytest.param(
        {"listen": {"passthrough_hosts": ["API.openai.com."]}},
        "listen.passthrough_hosts",
        "would not pass the gates",
        id="dot at the end",
    ),
    pytest.param(
        {"listen": {"passthrough_hosts": ["api。openai.com"]}},
        "listen.passthrough_hosts",
        "would not pass the gates",
        id="another dot",
    ),
    pytest.param(
        {"listen": {"passthrough_hosts": ["Acme.example."]}, "foundry": {"hostnames": ["acme.EXAMPLE"]}},
        "listen.passthrough_hosts",
        "would not pass the gates",
        id="Foundry in other letters",
    ),
    pytest.param(
        {"listen": {"passthrough_hosts": ["2130706433"]}}, "listen.passthrough_hosts.0", "IP address", id="a number"
    ),
    pytest.param(
        {"listen": {"passthrough_hosts": ["localhost."]}},
        "listen.passthrough_hosts.0",
        "another machine",
        id="localhost.",
    ),
    # the provider
    pytest.param(region(url="http://a.example/v1"), "provider.regions.global.url", "https://HOST", id="plain http"),
    pytest.param(region(url="https://a b/v1"), "provider.regions.global.url", "without spaces", id="space in a URL"),
    pytest.param(
        region(url="https://me:hunter2@a.example/v1"), "provider.regions.global.url", "no password", id="password"
    ),
    pytest.param(region(url="https://a.example:0/v1"), "provider.regions.global.url", "port 0", id="port 0"),
    pytest.param(
        region(url="https://a.example/v1/responses"), "provider.regions.global.url", "leave /responses away", id="path"
    ),
    pytest.param(
        region(url="https://127.0.0.1:9000/v1"), "provider.regions.global.url", "own listener", id="ourselves"
    ),
    pytest.param(
        region(organization="org\r\nX-Inj: 1"),
        "provider.regions.global.organization",
        "becomes a header",
        id="line break",
    ),
    pytest.param(region(organization="€"), "provider.regions.global.organization", "becomes a header", id="not ASCII"),
    pytest.param(region(project=""), "provider.regions.global.project", "becomes a header", id="empty"),
    pytest.param(
        region(api_key="sk-hunter2"),
        "provider.regions.global.api_key",
        "write {env: NAME} or {file: PATH}",
        id="literal",
    ),
    pytest.param(
        region(api_key=None), "provider.regions.global", "write either api_key or identity", id="nothing opens a region"
    ),
    pytest.param(
        {"provider": {"proxy": "https://p.example:1"}}, "provider.proxy.url", "http://HOST", id="proxy by TLS"
    ),
    pytest.param(
        {"provider": {"proxy": "http://p.example"}}, "provider.proxy.url", "http://HOST:PORT", id="proxy without port"
    ),
    pytest.param(
        {"provider": {"proxy": "http://me:hunter2@p.example:1"}}, "provider.proxy.url", "{env: NAME}", id="its password"
    ),
    pytest.param(
        {"provider": {"proxy": "http://localhost:9000"}}, "provider.proxy", "own listener", id="proxy is ourselves"
    ),
    pytest.param({"provider": {"pool": {"most": 0}}}, "provider.pool.most", "greater than 0", id="no connections"),
    # values of the wrong kind
    pytest.param({"limits": False}, "limits", "write keys and values", id="false for a section"),
    pytest.param({"limits": None}, "limits", "write keys and values", id="nothing in a section"),
    pytest.param({"usage": {"ledger": False}}, "usage.ledger", "write off", id="ledger: false"),
    pytest.param({"usage": {"ledger": "no"}}, "usage.ledger", "write off", id="ledger: no"),
    pytest.param({"usage": {"ledger": "Off"}}, "usage.ledger", "write off", id="ledger: Off"),
    pytest.param({"usage": {"ledger": "Memory"}}, "usage.ledger", "memory for one", id="ledger: Memory"),
    pytest.param({"usage": {"ledger": "memory"}}, "usage", "write usage.shared", id="memory and no shared ledger"),
    pytest.param(
        {"models": {"extra": [{"rid": "gpt"}]}}, "models.extra.0.rid", "write a resource identifier", id="no RID"
    ),
    pytest.param(
        {"models": {"allow_plain_names": "perhaps"}}, "models.allow_plain_names", "true or false", id="perhaps"
    ),
    pytest.param({"policy": {"max_json_values": "many"}}, "policy.max_json_values", "whole number", id="many"),
    pytest.param(
        {"limits": {"body_bytes": 1000}}, "limits.body_bytes", "policy.max_body_bytes", id="no room for a body"
    ),
    pytest.param(
        {"usage": {"ledger": "off"}, "limits": {"budgets": {"user": {"default": {"day": {"tokens": 1}}}}}},
        "limits.budgets",
        "start each budget from zero",
        id="a budget that nothing outlives",
    ),
    pytest.param(
        {
            "usage": {"ledger": "memory", "shared": {"env": "USAGE_URL"}},
            "limits": {"budgets": {"user": {"default": {"day": {"tokens": 1}}}}},
        },
        "limits.budgets",
        "start each budget from zero",
        id="a budget of rows in memory",
    ),
    *(
        pytest.param(
            {
                "usage": {"ledger": "u", "keep_days": days},
                "limits": {"budgets": {"project": {"default": {period: {"money": 1}}}}},
            },
            "usage.keep_days",
            f"write {days + 1} or more",
            id=f"a budget by {period} of rows kept for less",
        )
        for period, days in {"day": 1, "week": 7, "month": 31}.items()
    ),
    pytest.param(
        {"limits": {"storage": "redis://c/?password=hunter2"}},
        "limits.storage",
        "is a secret",
        id="password in a query",
    ),
    pytest.param(
        {"telemetry": {"otlp_endpoint": "http://me:hunter2@c:4318"}},
        "telemetry.otlp_endpoint",
        "no password",
        id="OTLP",
    ),
    pytest.param(
        {"telemetry": {"otlp_records": True}},
        "telemetry.otlp_records",
        "needs telemetry.otlp_endpoint",
        id="no collector",
    ),
    # values that nothing can be done with
    *(pytest.param(sections, key, "write a number, of at most", id=f"{key} beyond all") for key, sections in NUMBERS),
    pytest.param({"usage": {"ledger": "a\0b"}}, "usage.ledger", "no file can have such a name", id="a ledger's name"),
    pytest.param(
        region(api_key={"file": "\0"}), "provider.regions.global.api_key", "no file can have such a name", id="a key's"
    ),
    # models and prices
    pytest.param(
        {"models": {"extra": [{"rid": MODEL, "in_memory_cache": False}]}},
        "models.extra.0.in_memory_cache",
        "policy.models_with_daily_cache",
        id="retention in passing",
    ),
    pytest.param(
        {"models": {"extra": [{"rid": MODEL.replace("5-2", "5-5"), "daily_cache": False}]}},
        "models.extra.0.daily_cache",
        "policy.models_with_daily_cache",
        id="a model said to keep nothing",
    ),
    pytest.param(
        {"models": {"extra": [{"rid": OWN}, {"rid": OWN}]}}, "models.extra.1.rid", "two rows have", id="a row twice"
    ),
    pytest.param(
        {"prices": {"gpt": {"input": 1, "output": 1}}}, "prices.gpt", "resource identifier", id="price of no RID"
    ),
    pytest.param(
        {"prices": {MODEL: {"input": -1, "output": 1}}}, f"prices.{MODEL}", "greater than or equal", id="below 0"
    ),
    pytest.param(
        {"prices": {MODEL: {"input": 1, "output": 1, "cashed": 1}}}, f"prices.{MODEL}", "cashed", id="no such price"
    ),
    pytest.param(
        {
            "prices": {
                MODEL: [
                    {"input": 1, "output": 1, "since": "2027-01-01"},
                    {"input": 1, "output": 1, "since": "2026-01-01"},
                ]
            }
        },
        f"prices.{MODEL}",
        "in the order of their since",
        id="prices out of order",
    ),
    # keys
    pytest.param({"listne": {}}, "listne", "did you mean listen?", id="a section misspelt"),
    pytest.param({"listen": {"revers": "127.0.0.1:1"}}, "listen.revers", "did you mean reverse?", id="a key misspelt"),
    pytest.param({"reverse": "127.0.0.1:1"}, "reverse", "did you mean listen.reverse?", id="a key in the wrong place"),
    pytest.param({"log": {"xyz": 1}}, "log.xyz", "here are format", id="a key like no other"),
    pytest.param({"mitmproxy": {"lean": False}}, "mitmproxy", "removed in 0.2", id="a key that is gone"),
]


@pytest.mark.parametrize(("sections", "key", "words"), WRONG)
def test_it_is_told_with_the_key_and_its_line(tmp_path: Path, sections: dict[str, Any], key: str, words: str) -> None:
    text = written(tmp_path, document(**sections))
    message = told(tmp_path, text)
    (line,) = [each for each in message.splitlines() if f": {key}" in each]
    assert words in line
    assert "hunter2" not in message
    number = int(line.removeprefix(f"{tmp_path / 'sidecar.yaml'}:").partition(":")[0])
    parts = key.removeprefix("prices.").split(".") if MODEL not in key else [MODEL]
    row = text.splitlines()[number - 1]
    assert any(part in row for part in parts[-2:]), row


def test_the_right_one_is_right(tmp_path: Path) -> None:
    (tmp_path / "sidecar.yaml").write_text(written(tmp_path, document()))
    assert loading.load(tmp_path / "sidecar.yaml").listen.reverse == "127.0.0.1:9000"


@pytest.mark.parametrize(
    "sections",
    [
        {"listen": {"proxy": "127.0.0.2:9000"}},
        {"listen": {"reverse": "127.0.0.1:0", "proxy": "127.0.0.1:0"}},
        {"caller": {"verifier": "registry", "registry": {"file": "x"}}, "listen": {"proxy": "0.0.0.0:80"}},
        {"provider": {"proxy": {"url": "http://p.example:3128", "credentials": {"env": "P"}}}},
        {"models": {"extra": [{"rid": OWN, "provider_model": "m"}]}},
        {
            "models": {"extra": [{"rid": MODEL, "in_memory_cache": False}]},
            "policy": {"models_with_daily_cache": [MODEL]},
        },
        {
            "models": {"extra": [{"rid": MODEL, "in_memory_cache": False}]},
            "provider": {**document()["provider"], "zero_data_retention": "attested"},
        },
    ],
    ids=str,
)
def test_near_the_border_on_the_right_side(tmp_path: Path, sections: dict[str, Any]) -> None:
    (tmp_path / "sidecar.yaml").write_text(written(tmp_path, document(**sections)))
    loading.load(tmp_path / "sidecar.yaml")


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    whole = document(listen={"reverse": "0.0.0.0:1", "admin": "0.0.0.0:1"}, limits={"body_bytes": 1})
    assert len(told(tmp_path, written(tmp_path, whole)).splitlines()) == 3


@pytest.mark.parametrize(
    ("sections", "key", "words"),
    [
        pytest.param(
            region(api_key={"file": "nothing"}), "provider.regions.global.api_key", "can't be read", id="no key"
        ),
        pytest.param(region(api_key={"file": "empty"}), "provider.regions.global.api_key", "is empty", id="empty key"),
        pytest.param(
            region(api_key={"env": "NOTHING"}), "provider.regions.global.api_key", "NOTHING is empty", id="not set"
        ),
        pytest.param(
            {"caller": {"verifier": "registry", "registry": {"file": "nothing"}}},
            "caller.registry.file",
            "can't be read: No such file",
            id="no registry",
        ),
        pytest.param(
            {"caller": {"verifier": "registry", "registry": {"file": "."}}},
            "caller.registry.file",
            "is no regular file",
            id="a folder",
        ),
        pytest.param(
            {"policy": {"safety_identifier": {"env": "NOTHING"}}}, "policy.safety_identifier", "NOTHING", id="HMAC"
        ),
        pytest.param(
            {
                "caller": {
                    "verifier": "jwt",
                    "jwt": [
                        {
                            "issuer": "https://a.example",
                            "audience": "a",
                            "jwks_url": "https://a.example/keys",
                            "trusted_ca": "nothing",
                        }
                    ],
                }
            },
            "caller.jwt.0.trusted_ca",
            "can't be read: No such file",
            id="one of several issuers",
        ),
        pytest.param({"limits": {"storage": {"env": "NOTHING"}}}, "limits.storage", "NOTHING", id="store"),
        pytest.param(
            {"provider": {"proxy": {"url": "http://p.example:1", "credentials": {"env": "NOTHING"}}}},
            "provider.proxy.credentials",
            "NOTHING",
            id="proxy",
        ),
        pytest.param({"provider": {"trusted_ca": "."}}, "provider.trusted_ca", "is no regular file", id="CA a folder"),
        pytest.param({"provider": {"trusted_ca": "empty"}}, "provider.trusted_ca", "PEM bundle", id="no authority"),
        pytest.param(
            {"listen": {"tls": {"certificate": "nothing", "key": "empty"}}},
            "listen.tls.certificate",
            "can't be read: No such file",
            id="TLS",
        ),
        pytest.param(
            {"listen": {"certificates": "stray"}}, "listen.certificates", "move it elsewhere", id="mitmproxy's own"
        ),
        pytest.param(issuers(public_key_file="nothing"), "caller.jwt.1.public_key_file", "No such", id="2nd issuer"),
        pytest.param(
            issuers(jwks_url="https://b.example/keys", credentials={"env": "NOTHING"}),
            "caller.jwt.1.credentials",
            "NOTHING is empty",
            id="what the second issuer is asked with",
        ),
        pytest.param({"usage": {"ledger": f"{NO_HOME}/a"}}, "usage.ledger", "no home directory", id="ledger at home"),
        pytest.param(
            {"listen": {"certificates": NO_HOME}}, "listen.certificates", "no home directory", id="certificates at home"
        ),
        pytest.param(
            region(api_key={"file": f"{NO_HOME}/a"}),
            "provider.regions.global.api_key",
            "can't be read",
            id="key at home",
        ),
    ],
)
def test_files_and_secrets_are_looked_at(tmp_path: Path, sections: dict[str, Any], key: str, words: str) -> None:
    os.environ["KEY"] = "sk-key"
    (tmp_path / "empty").touch()
    (tmp_path / "stray").mkdir()
    (tmp_path / "stray" / "config.yaml").write_text("scripts: [evil.py]")
    provider = sections.pop("provider", {})
    whole = document(**sections)
    whole["listen"] = {"certificates": "own", **whole["listen"]}
    whole["provider"] |= provider
    (tmp_path / "sidecar.yaml").write_text(written(tmp_path, whole))
    with pytest.raises(ConfigurationError) as caught:
        examined(tmp_path / "sidecar.yaml")
    (line,) = str(caught.value).splitlines()
    assert f": {key}: " in line
    assert line.startswith(f"{tmp_path / 'sidecar.yaml'}:")
    assert words in line
    examined(tmp_path / "sidecar.yaml", with_files=False)


def test_a_name_that_leads_off_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.environ["KEY"] = "sk-key"
    answer = [(2, 1, 6, "", ("127.0.0.1", 9000)), (2, 1, 6, "", ("10.0.0.1", 9000))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answer)
    whole = document(listen={"reverse": "localhost:9000", "certificates": "own"})
    (tmp_path / "sidecar.yaml").write_text(written(tmp_path, whole))
    with pytest.raises(ConfigurationError, match=r"listen: localhost resolves to 10\.0\.0\.1"):
        examined(tmp_path / "sidecar.yaml")
