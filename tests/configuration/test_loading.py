"""Errors in the configuration say where they are and what to do."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.configuration import loading, overrides
from addons.configuration.errors import ConfigurationError
from addons.values.secret import Secret
from tests.values.odd_files import ODD_FILES, put

GOOD = """\
listen:
  reverse: 127.0.0.1:9000
provider:
  regions:
    global:
      api_key: {env: OPENAI_API_KEY}
caller:
  verifier: development
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sidecar.yaml"


def load_error(file: Path, text: str) -> str:
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        loading.load(file)
    return str(caught.value)


def test_without_a_file_it_is_development_mode_on_loopback() -> None:
    settings = loading.load(None)
    assert settings.caller.verifier == "development"
    assert settings.listen.reverse == "127.0.0.1:8080"
    assert settings.provider.regions["global"].api_key == Secret(env="OPENAI_API_KEY")


def test_a_file_without_a_verifier_is_refused(file: Path) -> None:
    message = load_error(file, "provider: {regions: {global: {api_key: {env: X}}}}\n")
    assert "caller: is required" in message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (GOOD + "unknown: 1\n", 9, "unknown: no such key"),
        (GOOD.replace("reverse:", "revers:"), 2, "listen.revers: no such key"),
        (GOOD.replace("127.0.0.1:9000", "nowhere"), 2, "write HOST:PORT"),
        (GOOD.replace("global:", "gobal:"), 5, "provider.regions.gobal"),
        (GOOD.replace("{env: OPENAI_API_KEY}", "sk-in-the-clear"), 6, "api_key"),
        (GOOD.replace("{env: OPENAI_API_KEY}", "{env: A, file: b}"), 6, "either"),
        (GOOD.replace("development", "none"), 8, "caller.verifier"),
        (GOOD.replace("127.0.0.1:9000", "0.0.0.0:9000"), 2, "loopback"),
        (GOOD.replace("  reverse", "  passthrough_hosts: [localhost]\n  reverse"), 2, "another machine"),
        (GOOD.replace("  reverse", "  passthrough_hosts: [API.openai.com]\n  reverse"), 2, "would not pass the gates"),
        (
            GOOD.replace("  reverse", "  passthrough_hosts: [a.example]\n  reverse")
            + "foundry: {hostnames: [A.example]}\n",
            2,
            "would not pass the gates",
        ),
        (GOOD + "foundry: {other_paths: forward}\n", 9, "needs foundry.hostnames"),
        (GOOD + "foundry: {hostnames: [a.b], addresses: {c.d: '10.0.0.1:443'}}\n", 9, "names c.d, which"),
        (GOOD + "foundry: {hostnames: [a.b], addresses: {a.b: here}}\n", 9, "write HOST:PORT"),
        (GOOD + "foundry: {hostnames: [Api.openai.com], other_paths: forward}\n", 9, "is a provider's"),
        (GOOD + "8: 1\n", 1, "8: no such key"),
        (GOOD + "limits: {mode: x}\n", 9, "limits.mode: Input should be 'enforce' or 'warn'"),
        (
            GOOD + "limits: {user: {Ada: {requests: 3}}}\n",
            9,
            "Ada.requests: no such key; the keys here are default, requests_per",
        ),
        (
            GOOD + "limits: {user: {Ada: {requests_per_minute: {a: 3}}}}\n",
            9,
            "requests_per_minute: write a whole number",
        ),
        (GOOD + "limits: {user: {Ada: {gpt: {requests_per_minute: 3}}}}\n", 9, "Ada.gpt: or write 'default'"),
        (GOOD + "limits: {budgets: {user: {Ada: {mony: 3}}}}\n", 9, "Ada.mony: no such key; did you mean month?"),
        (GOOD.replace("provider:\n", "provider:\n  allowed_regions: [eu]\n"), 3, "has no such entry"),
        (GOOD.replace("      api_key", "      url: http://x/v1\n      api_key"), 6, "write https://HOST"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(file: Path, text: str, line: int, words: str) -> None:
    message = load_error(file, text)
    assert words in message
    assert re.search(rf"sidecar\.yaml:{line}: ", message), message
    assert "sk-in-the-clear" not in message


@pytest.mark.parametrize(("text", "line"), [("listen: [\n", 2), ("a: 1\na: 2\n", 2), ("- a\n", 1), ("", 1)])
def test_what_is_not_yaml_is_named_with_its_line(file: Path, text: str, line: int) -> None:
    assert re.match(rf".*sidecar\.yaml:{line}: ", load_error(file, text))


def test_a_missing_file(file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"sidecar\.yaml: can't be read"):
        loading.load(file)


@pytest.mark.parametrize(("make", "why"), ODD_FILES.values(), ids=ODD_FILES)
def test_what_is_no_small_file(file: Path, make: Callable[[Path], object], why: str) -> None:
    put(make, file)
    with pytest.raises(ConfigurationError, match=why):
        loading.load(file)


def test_every_fault_gets_a_line(file: Path) -> None:
    assert len(load_error(file, GOOD.replace("reverse:", "revers:") + "other: 1\n").splitlines()) == 2


def test_the_environment_wins(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(GOOD)
    monkeypatch.setenv("SIDECAR_LISTEN__REVERSE", "127.0.0.1:9001")
    assert loading.load(file).listen.reverse == "127.0.0.1:9001"


def test_set_reaches_the_settings(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    overrides.apply_overrides(["listen.reverse=127.0.0.1:9002", 'foundry.hostnames=["a.example"]'])
    file.write_text(GOOD)
    settings = loading.load(file)
    assert settings.listen.reverse == "127.0.0.1:9002"
    assert settings.foundry.hostnames == ("a.example",)


@pytest.mark.parametrize("assignment", ["listen.reverse", "=x", ""])
def test_a_set_without_both_sides(assignment: str) -> None:
    with pytest.raises(ConfigurationError, match="KEY=VALUE"):
        overrides.apply_overrides([assignment])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SIDECAR_LISTEN__REVERSE", "nowhere", "listen.reverse: .*SIDECAR_LISTEN__REVERSE"),
        ("SIDECAR_LISTEN__REVRSE", "127.0.0.1:1", "listen.revrse: no such key.*SIDECAR_LISTEN__REVRSE"),
        ("SIDECAR_LISTNE__REVERSE", "127.0.0.1:1", "SIDECAR_LISTNE__REVERSE: no such setting"),
        ("SIDECAR_FOUNDRY__HOSTNAMES", "a.example", "JSON"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=words):
        loading.load(None)


def test_paths_are_taken_from_the_files_own_directory(file: Path) -> None:
    file.write_text(
        GOOD.replace("{env: OPENAI_API_KEY}", "{file: key}").replace("listen:", "listen:\n  certificates: ca")
    )
    settings = loading.load(file)
    assert settings.provider.regions["global"].api_key == Secret(file=file.parent / "key")
    assert settings.listen.certificates == file.parent / "ca"
