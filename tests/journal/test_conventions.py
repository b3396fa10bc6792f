"""The names of OpenTelemetry's GenAI conventions: those of one version, and no others anywhere."""

import re
from pathlib import Path
from typing import Final

import pytest

from addons.journal import conventions
from addons.journal.instruments import ROWS, Instrument

ROOT: Final = Path(__file__).parent.parent.parent

PUBLISHED: Final = frozenset((
    # client-inference.md, openai.md: attributes of the span gen_ai.client.inference
    "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.request.stream",
    "gen_ai.response.model", "gen_ai.response.id", "gen_ai.response.time_to_first_chunk",
    "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.reasoning.output_tokens", "openai.api.type",
    "openai.response.service_tier", "server.address", "server.port", "error.type",
    # client-inference.md, gen-ai-token-metrics.md: metrics
    "gen_ai.client.inference.duration", "gen_ai.client.inference.time_to_first_chunk",
    "gen_ai.client.inference.usage.input_tokens", "gen_ai.client.inference.usage.output_tokens",
    "gen_ai.client.inference.usage.cache_read.input_tokens", "gen_ai.client.inference.usage.cache_write.input_tokens",
    "gen_ai.client.inference.usage.reasoning.output_tokens", "gen_ai.client.inference.operation.input_tokens",
    "gen_ai.client.inference.operation.output_tokens", "gen_ai.token.modality",
    # the core conventions 1.44.0
    "network.peer.address", "http.response.status_code", "http.request.method", "url.path", "service.version",
))  # fmt: skip
"""Copied from the version that ``conventions`` names."""

GONE: Final = re.compile(
    r"gen_ai[._]client[._](operation|token)\b|gen_ai[._]token[._]type|cache_creation|gen_ai[._]system\b"
)
"""Names of earlier versions."""


def names() -> set[str]:
    found: set[str] = set()
    for name, value in vars(conventions).items():
        if name.isupper() and isinstance(value, str):
            found.add(value)
        elif name.isupper() and isinstance(value, dict):
            found |= {*value.keys(), *value.values()}
    return found - {conventions.SCHEMA_URL, conventions.UNKNOWN_MODALITY}


def test_every_name_is_of_that_version() -> None:
    assert names() == PUBLISHED
    assert "1.42.0-dev" in (conventions.__doc__ or "")
    assert conventions.SCHEMA_URL.endswith("/gen-ai-dev/1.42.0-dev")


@pytest.mark.parametrize("row", [row for row in ROWS if row.name.startswith("gen_ai.")], ids=lambda row: row.name)
def test_metrics_carry_what_the_conventions_require(row: Instrument) -> None:
    assert row.name in PUBLISHED
    assert {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model"} <= set(row.labels)
    assert {"server.address", "server.port"} <= set(row.labels)
    assert ("gen_ai.token.modality" in row.labels) == (".usage." in row.name)


def test_no_other_module_spells_them() -> None:
    spelled = [
        path
        for path in (ROOT / "addons").rglob("*.py")
        if path.name != "conventions.py" and re.search(r"""["']gen_ai\.""", path.read_text())
    ]
    assert {path.relative_to(ROOT).as_posix() for path in spelled} == {
        # those who show a record to people
        "addons/inspecting/summary.py", "addons/commands/demo.py", "addons/journal/instruments.py",
        # what was renamed
        "addons/configuration/gone.py",
    }  # fmt: skip


@pytest.mark.parametrize("folder", ["addons", "deploy", "docs"])
def test_names_of_earlier_versions_are_gone(folder: str) -> None:
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in {".py", ".json", ".yaml"} and path.name != "gone.py":  # which tells what became of them
            assert not GONE.search(path.read_text()), path
