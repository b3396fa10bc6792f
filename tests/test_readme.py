"""Every example of the README is run; what its text names exists."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from addons.cassettes.cassette_writer import CassetteWriter, CollectedCall
from addons.configuration.settings import Settings
from addons.foundry.caller import SCOPE
from addons.foundry.refusals import KINDS
from addons.simulator.provider import SimulatedProvider
from tests.clients.installed import NODE, node_modules
from tests.commands.program import COMMAND, ROOT, Program, environment, run, write_yaml
from tests.conftest import PROVIDER_KEY
from tests.waiting import LONGEST

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def test_every_block_is_of_a_kind_that_is_run_here() -> None:
    assert {name for name, _ in BLOCKS} == {"sh", "python", "typescript", "yaml"}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A sidecar in development mode, as the README starts one, with a provider that can be reached."""
    folder = tmp_path_factory.mktemp("readme")
    with SimulatedProvider(api_key=PROVIDER_KEY, directory=folder) as provider:
        document = {
            "listen": {"reverse": "127.0.0.1:0", "certificates": str(folder)},
            "provider": {
                "trusted_ca": str(provider.ca_file),
                "regions": {"global": {"url": provider.url, "api_key": {"env": "OPENAI_API_KEY"}}},
            },
            "caller": {"verifier": "development"},
        }
        config = write_yaml(folder / "sidecar.yaml", document)
        with Program("start", "--config", str(config), env={"OPENAI_API_KEY": PROVIDER_KEY}) as sidecar:
            yield sidecar.port
            assert usage_of_the_readme("--config", str(config))  # the ledger of the calls made above


def usage_of_the_readme(*config: str) -> str:
    (line,) = (text for text in blocks("sh") if text.startswith("./run.sh usage"))
    words = line.split()[1:]
    at = words.index("--config")
    ended = run(*words[:at], *config, *words[at + 2 :])
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def aimed(text: str, port: int) -> str:
    assert "localhost:8080" in text
    return text.replace("localhost:8080", f"localhost:{port}")


def played(command: list[str], cwd: Path) -> str:
    ended = subprocess.run(
        command,
        env=environment({"TOKEN": "a-token"}),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_curl(port: int, tmp_path: Path) -> None:
    (curl,) = (text for text in blocks("sh") if "curl" in text)
    answer = json.loads(played(["bash", "-c", aimed(curl, port)], tmp_path))
    assert answer["status"] == "completed"


def test_python(port: int, tmp_path: Path) -> None:
    (text,) = blocks("python")
    assert "Hello" in played([sys.executable, "-c", aimed(text, port)], tmp_path)


def test_typescript(port: int, tmp_path: Path) -> None:
    (text,) = blocks("typescript")
    (tmp_path / "node_modules").symlink_to(node_modules())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "example.ts").write_text(aimed(text, port))
    assert "Hello" in played([str(NODE), "example.ts"], tmp_path)


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """The README's configuration, both its blocks in one file, with the registry it names."""
    document: dict[str, Any] = {}
    for text in blocks("yaml"):
        document |= YAML(typ="safe").load(text)
    document["listen"]["certificates"] = str(tmp_path)
    row = {"sha256": "0" * 64, "subject": "app", "scopes": ["api:use-language-models-execute"]}
    write_yaml(tmp_path / "tokens.yaml", [row])
    return write_yaml(tmp_path / "sidecar.yaml", document)


def test_the_configuration_is_right(configuration: Path) -> None:
    ended = run("check", "--config", str(configuration), env={"OPENAI_API_KEY": "sk-key", "OPENAI_EU_KEY": "sk-key"})
    assert ended.returncode == 0, ended.stderr


@pytest.mark.usefixtures("configuration")
def test_explain(tmp_path: Path) -> None:
    hello = {"model": "ri.language-model-service..language-model.gpt-5-2", "input": "Hello"}
    (tmp_path / "request.json").write_text(json.dumps(hello))
    (tmp_path / "next.yaml").write_text((tmp_path / "sidecar.yaml").read_text())
    writer = CassetteWriter(tmp_path / "calls.jsonl", "redacted")
    writer.start()
    writer.add(CollectedCall("responses", json.dumps({**hello, "model": "gpt-5.2"}).encode(), 200, (), 1.0, whole=True))
    writer.close()
    (block,) = (text for text in blocks("sh") if text.startswith("./run.sh explain"))
    for line, words in zip(block.splitlines(), ("store", "0 of 1 would be treated differently"), strict=True):
        ended = run(*line.split()[1:], cwd=tmp_path)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert words in ended.stdout


def test_a_row_of_the_registry(tmp_path: Path) -> None:
    (line,) = (text for text in blocks("sh") if text.startswith("./run.sh hash-token"))
    words, _, file = line.partition(" >> ")
    ended = subprocess.run(
        [*COMMAND, *words.split()[1:]], env=environment(), input="a-token\n", capture_output=True, text=True, check=True
    )
    assert file.strip() == "tokens.yaml"
    (row,) = YAML(typ="safe").load(ended.stdout)
    assert row == {
        "sha256": hashlib.sha256(b"a-token").hexdigest(), "subject": "ada.lovelace", "scopes": [SCOPE],
    }  # fmt: skip


def test_what_a_call_got_is_what_is_refused() -> None:
    """The table of statuses names each that the sidecar gives by itself and a first reader may meet."""
    _, _, table = README.partition("## My call got")
    rows = {int(found) for found in re.findall(r"^\| (\d{3})", table, re.MULTILINE)}
    seldom = {405, 408, 414, 426, 431}  # odd requests, which no SDK makes
    assert rows == {kind.status for kind in KINDS.values()} - seldom


@pytest.mark.usefixtures("configuration")
def test_policy(tmp_path: Path) -> None:
    (line,) = (text for text in blocks("sh") if text.startswith("./run.sh policy"))
    ended = run(*line.split()[1:], cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "<h2>Looser than shipped</h2>" in ended.stdout, "the README's example strips web search"


def test_usage(port: int, tmp_path: Path) -> None:
    """What the ledger says is read when the sidecar of the README has served its calls (see ``port``)."""
    test_curl(port, tmp_path)


def test_the_first_commands_are_there() -> None:
    first, *_ = blocks("sh")
    commands = set(re.findall(r"\./run\.sh (\w+)", README))
    listed = run("--help").stdout
    assert re.findall(r"\./run\.sh (\w+)", first) == ["demo", "test"]
    assert all(re.search(rf"^    {command}\b", listed, re.MULTILINE) for command in commands)


def test_files_and_settings_it_names_exist() -> None:
    for name in re.findall(r"`((?:addons|deploy|tests)/[\w./-]+)`", README):
        assert (ROOT / name).exists(), name
    sections = set(Settings.model_fields)
    for section, key in re.findall(r"`(\w+)\.(\w+)(?:: [^`]*)?`", README):
        if section in sections:
            model = Settings.model_fields[section].annotation
            assert key in model.model_fields, f"{section}.{key}"  # type: ignore[union-attr]  # each section's annotation is a model
