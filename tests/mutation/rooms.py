"""Which rooms get mutants, and which tests are asked about a module's."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parent.parent.parent
TESTS: Final = ROOT / "tests"


class Room(NamedTuple):
    """``wider`` are the tests that a mutant meets which its own tests let live; ``seconds``: one that takes longer
    hangs, which is noticed. Paths are below ``tests``.
    """

    wider: Sequence[str]
    seconds: float


_PURE: Final = Room(
    ("gates", "foundry", "bodies", "responses", "chat_completions", "embeddings", "apis", "journal/test_record.py",
     "usage/test_charging.py", "inspecting/test_explanation.py"),
    300,
)  # fmt: skip

ROOMS: Final[Mapping[str, Room]] = {
    **dict.fromkeys(("gates", "foundry", "bodies", "responses", "chat_completions", "embeddings", "apis"), _PURE),
    "exchange": Room(
        ("exchange", "proxy/test_serving.py", "proxy/test_refusing.py", "proxy/test_odd_http.py",
         "proxy/test_closed.py", "proxy/test_reading.py", "proxy/test_provider_failures.py", "proxy/test_explicit.py",
         "proxy/test_early_answers.py", "proxy/test_georestriction.py", "proxy/test_secrets.py",
         "proxy/test_other_paths.py"),
        600,
    ),
    "usage": Room(
        ("usage", "gates/test_limits.py", "gates/test_limits_race.py", "commands/test_usage.py",
         "proxy/test_ledger.py", "proxy/test_limits.py"),
        600,
    ),
}  # fmt: skip

STATEFUL: Final = ("exchange", "usage")
PURE: Final = tuple(name for name in ROOMS if name not in STATEFUL)

_POLICY: Final = ("responses/test_policy.py", "responses/test_policy_settings.py", "responses/test_tables.py")
_STREAMS: Final = ("responses/test_stream.py", "responses/test_cut_streams.py")
_LIMITS: Final = ("gates/test_limits.py", "gates/test_budgets.py")
NEAREST: Final[Mapping[str, Sequence[str]]] = {
    "exchange": ("proxy/test_serving.py", "proxy/test_refusing.py", "proxy/test_provider_failures.py"),
    "apis": _POLICY,
    "bodies": _POLICY,
    "responses": _POLICY,
    **dict.fromkeys(("bodies.conversation", "responses.conversation"), ("inspecting/test_conversation_text.py",)),
    **dict.fromkeys(("bodies.event_splitter", "bodies.open_event", "bodies.server_sent_event"), _STREAMS),
    **dict.fromkeys(
        ("gates.budget_recovery", "gates.budget_settings", "gates.counters", "gates.meters", "gates.pots"), _LIMITS
    ),
    **dict.fromkeys(("usage.memory_counters", "usage.redis_counters"), ("usage/test_counters.py",)),
    "gates.candidate": ("proxy/test_candidate.py",),
    "foundry.caller": ("gates/test_caller.py", "verifiers/test_registry.py"),
    "foundry.models": ("foundry/test_catalogue.py", "foundry/test_shipped_models.py"),
    "foundry.permits": ("gates/test_limits.py", "foundry/test_limit_refusals.py"),
    "foundry.rid": ("foundry/test_attribution.py", "foundry/test_catalogue.py"),
    "foundry.settings": ("configuration/test_wrong.py",),
    "foundry.token_bounds": ("usage/test_charging.py", "gates/test_limits.py"),
}
"""Tests of the modules that have no test file of their own name, by module or room."""


def modules(rooms: Sequence[str]) -> Iterator[str]:
    """The modules of these rooms, such as ``exchange.upstream.pool``."""
    for room in rooms:
        for path in sorted((ROOT / "addons" / room).rglob("[!_]*.py")):
            yield ".".join(path.relative_to(ROOT / "addons").with_suffix("").parts)


def path(module: str) -> Path:
    return ROOT / "addons" / (module.replace(".", "/") + ".py")


def own(module: str) -> Sequence[str]:
    """The tests that are nearest to a module: those of its name, else those that the table names, else its room's."""
    *folders, name = module.split(".")
    mirror = Path(*folders) / f"test_{name}.py"
    if module not in NEAREST and (TESTS / mirror).is_file():
        return (str(mirror),)
    return NEAREST.get(module) or NEAREST.get(folders[0]) or (folders[0],)


def room(module: str) -> Room:
    return ROOMS[module.partition(".")[0]]
