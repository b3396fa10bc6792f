"""`start` as a process: what it says, what it refuses to start with, and its exit codes."""

import json
import re
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from addons.commands.start import _why_not
from addons.configuration.mitmproxy_options import all_options
from addons.configuration.settings import Settings
from addons.process.lockdown import arguments
from addons.simulator.provider import SimulatedProvider
from tests.commands.program import ROOT, Program, run, write_yaml
from tests.conftest import PROVIDER_KEY, SettingsMaker
from tests.proxy.client import TOKEN, post

type Document = dict[str, Any]


@pytest.fixture
def document(provider: SimulatedProvider, certificates: Path) -> Document:
    return {
        "listen": {"reverse": "127.0.0.1:0", "certificates": str(certificates)},
        "provider": {
            "trusted_ca": str(provider.ca_file),
            "regions": {"global": {"url": provider.url, "api_key": {"env": "THE_KEY"}}},
        },
        "caller": {"verifier": "development"},
    }


@pytest.fixture
def config(document: Document, tmp_path: Path) -> Path:
    return write_yaml(tmp_path / "sidecar.yaml", document)


KEY = {"THE_KEY": PROVIDER_KEY}


def test_a_call_and_its_record_through_a_process(config: Path, provider: SimulatedProvider) -> None:
    with Program("start", "--config", str(config), env=KEY) as sidecar:
        assert post(sidecar.port).status == 200
        assert post(sidecar.port, b"[]").status == 400
        served, refused = sidecar.event("call", 2)
        assert sidecar.stop() == 0
    assert served["call.outcome"] == "served"
    assert refused["policy.decision"] == "refused"
    everything = "".join(sidecar.lines) + sidecar.errors
    for line in sidecar.lines:
        assert {"event", "level", "timestamp"} <= set(json.loads(line))
    assert PROVIDER_KEY not in everything
    assert TOKEN not in everything
    assert {"zero_data_retention_not_attested", "development_mode"} <= {
        json.loads(line)["event"] for line in sidecar.lines
    }


def test_that_other_paths_are_passed_on_is_said_at_the_start(config: Path) -> None:
    own = 'foundry={"hostnames": ["acme.palantirfoundry.invalid"], "other_paths": "forward"}'
    with Program("start", "--config", str(config), "--set", own, env=KEY) as sidecar:
        (said,) = sidecar.event("other_paths_forwarded")
        assert sidecar.stop() == 0
    assert said["hostnames"] == ["acme.palantirfoundry.invalid"]


def test_every_line_is_json_when_things_go_wrong(config: Path, provider: SimulatedProvider) -> None:
    provider.script("reset", "garbage", "cut=1", "status=401")
    with Program("start", "--config", str(config), env=KEY) as sidecar:
        for _ in range(4):
            post(
                sidecar.port,
                {"model": "ri.language-model-service..language-model.gpt-5-2", "input": "x", "stream": True},
            )
        with socket.create_connection(("127.0.0.1", sidecar.port)) as connection:
            connection.sendall(b"\x16\x03\x01 not really TLS\r\n\r\n")
        sidecar.event("call", 4)
        assert sidecar.stop() == 0
    assert "error" in {json.loads(line)["level"] for line in sidecar.lines}
    assert sidecar.errors == ""
    assert PROVIDER_KEY not in "".join(sidecar.lines)


def test_without_a_file_or_a_key_it_says_what_is_missing() -> None:
    ended = run("start")
    assert ended.returncode == 2
    assert "environment variable OPENAI_API_KEY is empty or not set" in ended.stderr
    assert re.findall(r"^  \./run\.sh (\w+)", ended.stderr, re.MULTILINE) == ["demo", "simulate", "replay"]


def test_what_else_is_wrong_says_nothing_of_keys() -> None:
    ended = run("start", "--set", "listen.reverse=nonsense")
    assert ended.returncode == 2
    assert "./run.sh demo" not in ended.stderr


def change(section: str, **keys: Any) -> Callable[[Document], None]:
    def apply(document: Document) -> None:
        document[section] = {**document.get(section, {}), **keys}

    return apply


def drop(section: str) -> Callable[[Document], None]:
    return lambda document: document.pop(section)


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        pytest.param(drop("caller"), "caller: is required", id="no verifier"),
        pytest.param(drop("provider"), "provider: is required", id="no provider"),
        pytest.param(change("listen", reverse="0.0.0.0:0"), "loopback", id="development for all to reach"),
        pytest.param(change("caller", verifier="registry"), "registry", id="verifier without its settings"),
        pytest.param(
            change("caller", verifier="registry", registry={"file": "nothing.yaml"}),
            "nothing.yaml",
            id="no registry file",
        ),
        pytest.param(change("provider", trusted_ca="nothing.pem"), "provider.trusted_ca", id="no authority file"),
        pytest.param(
            change("listen", tls={"certificate": "nothing.pem", "key": "nothing.key"}),
            "listen.tls",
            id="no certificate",
        ),
        pytest.param(change("policy", stor_true="coerce"), "policy.stor_true", id="misspelt"),
        pytest.param(change("models", extra=[{"rid": "not-a-rid"}]), "models.extra.0.rid", id="model row"),
    ],
)
def test_what_it_does_not_start_with(
    document: Document, tmp_path: Path, alter: Callable[[Document], None], words: str
) -> None:
    alter(document)
    config = write_yaml(tmp_path / "wrong.yaml", document)
    with ThreadPoolExecutor() as both:
        ends = both.map(lambda command: run(command, "--config", str(config), env=KEY), ("start", "check"))
    for ended in ends:
        assert (ended.returncode, ended.stdout) == (2, "")
        assert words in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_store_of_limits_that_nothing_names(document: Document, tmp_path: Path) -> None:
    document["limits"] = {"storage": {"env": "NO_SUCH_STORE"}}
    ended = run("start", "--config", str(write_yaml(tmp_path / "wrong.yaml", document)), env=KEY)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "limits.storage: environment variable NO_SUCH_STORE is empty or not set" in ended.stderr


@pytest.mark.parametrize("name", ["SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE"])
def test_tls_secrets_are_not_written_down(config: Path, tmp_path: Path, name: str) -> None:
    ended = run("start", "--config", str(config), env=KEY | {name: str(tmp_path / "keys")})
    assert ended.returncode == 2
    assert name in ended.stderr


@pytest.mark.parametrize("setting", ["listen.reverse", "listen.proxy", "listen.admin"])
@pytest.mark.parametrize(
    ("host", "bound"), [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("localhost", "127.0.0.1"), ("127.0.0.1", "")]
)
def test_a_port_that_is_taken(config: Path, setting: str, host: str, bound: str) -> None:
    """One sentence names the setting and the address, and nothing is half started."""
    family = socket.AF_INET6 if ":" in bound else socket.AF_INET
    with socket.create_server((bound, 0), family=family) as taken:
        address = f"{host}:{taken.getsockname()[1]}"
        ended = run("start", "--config", str(config), "--set", f"{setting}={address}", env=KEY)
    why = "Address already in use; choose another, or stop what listens there"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"{setting}: {address}: {why}\n")


@pytest.mark.parametrize(
    ("address", "why"),
    [("203.0.113.7:8090", "Cannot assign requested address"), ("nowhere.invalid:8090", "Name or service not known")],
)
def test_an_address_that_is_not_this_machines(config: Path, address: str, why: str) -> None:
    ended = run("start", "--config", str(config), "--set", f"listen.admin={address}", env=KEY)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"listen.admin: {address}: {why}; ")
    assert ended.stderr.count("\n") == 1


def test_of_a_names_addresses_each_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS alone is played: a name that leads to IPv6 and IPv4, as localhost does on most machines."""
    resolve = socket.getaddrinfo

    def both(_host: str, *more: Any, **how: Any) -> list[Any]:
        return [*resolve("::1", *more, **how), *resolve("127.0.0.1", *more, **how)]

    for host, family in (("::1", socket.AF_INET6), ("127.0.0.1", socket.AF_INET)):
        with monkeypatch.context() as played, socket.create_server((host, 0), family=family) as taken:
            port = taken.getsockname()[1]
            played.setattr(socket, "getaddrinfo", both)
            assert _why_not("both.invalid", port) == "Address already in use"
        assert _why_not(host, port) is None


def test_what_is_written_is_for_our_eyes_alone(tmp_path: Path, document: Document) -> None:
    document["listen"]["certificates"] = str(tmp_path / "own")
    config = write_yaml(tmp_path / "sidecar.yaml", document)
    with Program("start", "--config", str(config), env=KEY) as sidecar:
        post(sidecar.port)
        assert sidecar.stop() == 0
    made = list((tmp_path / "own").iterdir())
    assert {"mitmproxy-ca.pem", "usage.sqlite"} <= {path.name for path in made}
    assert [path.name for path in made if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize(
    "words",
    [["start", "--nonsense"], ["nonsense"], [], ["start", "--set", "listen"], ["start", "--config"]],
)
def test_wrong_usage(words: list[str]) -> None:
    assert run(*words).returncode == 2


MITMDUMP = [sys.executable, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()", "-q"]


def by_hand(settings: Settings, *more: str) -> list[str]:
    options = all_options(settings)
    modes = [word for mode in options.pop("mode") for word in ("--mode", mode)]
    return [*modes, *arguments(options), "-s", str(ROOT / "addons" / "sidecar.py"), *more]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--set", "stream_large_bodies=1"], "The sidecar needs mitmproxy's option stream_large_bodies to be None"),
        (["--set", "connection_strategy=eager"], "Received multiple values for connection_strategy"),
        (["--set", "map_remote=|/v1|http://localhost:1/"], "The sidecar needs mitmproxy's option map_remote to be []"),
        (["--set", "modify_body=/a/b"], "The sidecar needs mitmproxy's option modify_body to be []"),
        (["--set", "http2=true"], "Received multiple values for http2"),
        (["--set", "no_such_option=1"], "mitmproxy has no such option: no_such_option"),
        (["--mode", "regular@0"], "The sidecar needs mitmproxy's option mode to be ["),
        (["--ssl-insecure"], "The sidecar needs mitmproxy's option ssl_insecure to be False"),
    ],
)
def test_mitmproxy_started_by_hand_with_a_way_round(
    config: Path, make_settings: SettingsMaker, more: list[str], why: str
) -> None:
    with Program(
        *by_hand(make_settings(), *more), env=KEY | {"SIDECAR_CONFIG": str(config)}, command=MITMDUMP
    ) as sidecar:
        assert sidecar._end() == 1
    said = "".join(sidecar.lines) + sidecar.errors
    assert why in said
    assert "AttributeError" not in said


def test_mitmproxy_started_by_hand_with_the_right_options(config: Path, make_settings: SettingsMaker) -> None:
    options = by_hand(make_settings())
    with Program(*options, env=KEY | {"SIDECAR_CONFIG": str(config)}, command=MITMDUMP) as sidecar:
        assert post(sidecar.port).status == 200
        assert sidecar.stop() == 0
