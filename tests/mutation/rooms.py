"""Which rooms get mutants, and which tests these meet."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
TESTS: Final = ROOT / "tests"

PURE: Final = ("gates", "foundry", "bodies", "responses", "chat_completions", "embeddings", "apis")
STATEFUL: Final = ("exchange", "usage")

ASKED: Final[Mapping[Sequence[str], Sequence[str]]] = {
    PURE: (*PURE, "configuration", "journal", "verifiers", "inspecting/test_explanation.py",
           "inspecting/test_conversation_text.py", "usage/test_charging.py", "proxy/test_serving.py",
           "proxy/test_candidate.py", "proxy/test_chat.py", "proxy/test_embeddings.py", "proxy/test_every_api.py",
           "fuzz/test_policy.py", "fuzz/test_policy_of_chat.py", "fuzz/test_policy_of_embeddings.py"),
    STATEFUL: (*STATEFUL, "gates/test_limits.py", "gates/test_limits_race.py", "commands/test_usage.py",
               "proxy/test_serving.py", "proxy/test_refusing.py", "proxy/test_odd_http.py", "proxy/test_closed.py",
               "proxy/test_reading.py", "proxy/test_provider_failures.py", "proxy/test_explicit.py",
               "proxy/test_early_answers.py", "proxy/test_georestriction.py", "proxy/test_secrets.py",
               "proxy/test_other_paths.py", "proxy/test_ledger.py", "proxy/test_limits.py"),
}  # fmt: skip
"""The tests that mutants of these rooms meet, below ``tests``; of them those that run what is changed."""


def modules(rooms: Sequence[str]) -> Iterator[str]:
    """The modules of these rooms, such as ``exchange.upstream.pool``."""
    for room in rooms:
        for each in sorted((ROOT / "addons" / room).rglob("[!_]*.py")):
            yield ".".join(each.relative_to(ROOT / "addons").with_suffix("").parts)


def path(module: str) -> Path:
    return ROOT / "addons" / (module.replace(".", "/") + ".py")


def mirror(module: str) -> Path:
    """The test file of a module's own name, which need not be there."""
    *folders, name = module.split(".")
    return TESTS.joinpath(*folders, f"test_{name}.py")


def importers(module: str) -> Iterator[Path]:
    """The files of ``addons`` that import a module, or something out of it."""
    for file in (ROOT / "addons").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}", *(f"{node.module}.{name}" for name in names)]
            if f"addons.{module}" in names:
                yield file
                break
