"""Bodies made at random from the SDK's own types: whatever passes is scanned by other means than the tables'."""

import copy
import functools
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from typing_extensions import is_typeddict

from addons.foundry.models import Model
from addons.responses.policy import judge
from addons.responses.policy_settings import ROWS, PolicySettings
from addons.responses.verdict import ABSENT, Json

MODEL = Model(rid="ri.language-model-service..language-model.gpt-5-2", provider_model="gpt-5.2", reasoning=True)
CANARY = "canary"
HARMLESS = [CANARY, "Y2FuYXJ5", f"data:text/plain,{CANARY}"]
HARMFUL = [f"https://{CANARY}.example", f"file-{CANARY}", f"HTTP://{CANARY}.example"]


# -- bodies


@functools.cache
def strategy(sdk: Any) -> st.SearchStrategy[Json]:
    while get_origin(sdk) in (Required, NotRequired, Annotated):
        sdk = get_args(sdk)[0]
    origin = get_origin(sdk)
    arguments = get_args(sdk)
    if is_typeddict(sdk):
        return structure(sdk)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is Union:
        return st.one_of([st.none() if option is type(None) else strategy(option) for option in arguments])
    if origin is dict:
        return st.dictionaries(st.just("key"), strategy(arguments[1]), max_size=1)
    if origin is not None:  # list, Iterable, Sequence
        return st.lists(strategy(arguments[0]), min_size=1, max_size=2)
    if sdk is str:
        return st.sampled_from(HARMLESS * 3 + HARMFUL)
    simple: dict[Any, st.SearchStrategy[Json]] = {
        bool: st.booleans(), int: st.integers(1, 9), float: st.just(0.5), object: st.just({"file_id": CANARY}),
    }  # fmt: skip
    return simple[sdk]


def structure(sdk: Any, always: frozenset[str] = frozenset(), most: int = 2) -> st.SearchStrategy[Json]:
    """An object with all required members and up to ``most`` others."""
    hints = get_type_hints(sdk, include_extras=True)
    required = [name for name in hints if get_origin(hints[name]) is Required or name in always]
    optional = [name for name in hints if name not in required]

    @st.composite
    def draw_object(draw: st.DrawFn) -> Json:
        chosen = draw(st.lists(st.sampled_from(optional), max_size=most, unique=True)) if optional else []
        members = {name: draw(strategy(hints[name])) for name in [*required, *chosen]}
        if hints.get("type") == Required[str]:  # context_management: a type's name, which messages may show
            members["type"] = "compaction"
        return members

    return draw_object()


FIELDS = get_type_hints(ResponseCreateParamsNonStreaming, include_extras=True)
BODIES = st.one_of(
    structure(ResponseCreateParamsNonStreaming, frozenset({"input"}), most=1),
    structure(ResponseCreateParamsNonStreaming, frozenset({"tools"}), most=1),
    structure(ResponseCreateParamsNonStreaming, most=4),
)

SETTINGS = st.builds(
    PolicySettings,
    store_true=st.sampled_from(["refuse", "coerce"]),
    web_search=st.sampled_from(["refuse", "strip", "cache_only"]),
    image_generation=st.sampled_from(["refuse", "allow"]),
    computer=st.sampled_from(["refuse", "allow"]),
    server_tool_search=st.sampled_from(["refuse", "allow"]),
)


# -- the scanner: knows names, and nothing of the tables

ONLY_DATA = {"parameters", "output_schema", "schema", "arguments", "metadata", "env"}
NEVER = {
    "file_id", "file_ids", "container", "container_id", "vector_store_ids", "connector_id", "server_url", "tunnel_id",
    "server_label", "skill_id", "caller_id", "previous_response_id", "comparison_response_id", "approval_request_id",
}  # fmt: skip
NEVER_AT_THE_TOP = {
    "conversation", "prompt", "moderation", "access_programs", "background_options", "safety_identifier", "user",
    "client_metadata",
}  # fmt: skip
NEVER_TYPES = {
    "file_search", "code_interpreter", "mcp", "programmatic_tool_calling", "web_search_preview",
    "web_search_preview_2025_03_11", "item_reference", "file_search_call", "code_interpreter_call", "mcp_list_tools",
    "mcp_call", "mcp_approval_request", "mcp_approval_response", "program", "program_output", "container_auto",
    "container_reference", "skill_reference", "file_citation", "file_path", "container_file_citation",
}  # fmt: skip
NEVER_VALUES = {"12h", "24h", "programmatic", "pro", "flex", "scale", "priority", "fast", "ultrafast"}
FETCHED = {"image_url", "file_url", "file_data", "result"}
BY_SETTING = {
    "image_generation": {"image_generation", "image_generation_call"},
    "computer": {"computer", "computer_use", "computer_use_preview", "computer_call", "computer_call_output"},
    "web_search": {"web_search", "web_search_2025_08_26", "web_search_call"},
}


def scan(node: Json, chosen: PolicySettings, where: str = "") -> list[str]:  # noqa: C901, PLR0912 - a flat list of suspicions
    if isinstance(node, list):
        return [found for index, inner in enumerate(node) for found in scan(inner, chosen, f"{where}[{index}]")]
    if isinstance(node, str) and node in NEVER_VALUES:
        return [where]
    if not isinstance(node, dict):
        return []
    found = []
    kind = node.get("type")
    if kind in NEVER_TYPES:
        found.append(f"{where} is {kind}")
    for setting, kinds in BY_SETTING.items():
        if kind in kinds and getattr(chosen, setting) in ("refuse", "strip"):
            found.append(f"{where} is {kind}")
    if kind in ("reasoning", "compaction") and where.startswith(".input") and not node.get("encrypted_content"):
        found.append(f"{where} is not sealed")
    if kind == "shell" and "tool_choice" not in where and (node.get("environment") or {}).get("type") != "local":
        found.append(f"{where} may run in a container")
    if kind in ("web_search", "web_search_2025_08_26") and "tool_choice" not in where and node["external_web_access"]:
        found.append(f"{where} searches the web")
    if node.get("execution") == "server" and chosen.server_tool_search == "refuse":
        found.append(f"{where} is run by the server")
    for key, inner in node.items():
        below = f"{where}.{key}"
        if key in ONLY_DATA:
            continue
        if key in NEVER and inner is not None:
            found.append(below)
        if key in FETCHED and isinstance(inner, str) and "://" in inner:
            found.append(f"{below} is fetched")
        found += scan(inner, chosen, below)
    return found


def test_whatever_passes_is_clean() -> None:
    passed: set[str] = set()

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(BODIES, SETTINGS)
    def holds(body: dict[str, Json], chosen: PolicySettings) -> None:
        before = copy.deepcopy(body)
        verdict = judge(body, MODEL, chosen)
        assert body == before
        assert CANARY not in repr((verdict.refused, verdict.warned, verdict.changes)), "the caller's words leak"
        assert {finding.row for finding in verdict.refused} <= ROWS | {""}, "a row that policy.rules can't name"
        if verdict.refused:
            return
        merged = {**body, **verdict.members}
        leaving = {key: value for key, value in merged.items() if value is not ABSENT}
        assert leaving["store"] is False
        assert not leaving.get("background")
        assert [key for key in NEVER_AT_THE_TOP if leaving.get(key) is not None] == []
        assert scan(leaving, chosen) == []
        changed = {change.path.split(".")[0].split("[")[0] for change in verdict.changes}
        assert changed == set(verdict.members), "each change is listed, and only what changed is written anew"
        passed.update(body)
        passed.update(_types(body))

    holds()
    assert len(passed) > 30, f"too little passed to tell anything: {sorted(passed)}"


def _types(node: Json) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_types, node))
    if isinstance(node, dict):
        return {str(node.get("type"))}.union(*map(_types, node.values()))
    return set()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(BODIES)
def test_warning_lets_pass_what_enforcing_refuses_and_no_more(body: dict[str, Json]) -> None:
    enforced = judge(body, MODEL, PolicySettings())
    warned = judge(body, MODEL, PolicySettings(mode="warn"))
    assert {finding.rule for finding in warned.refused} <= {"INVALID"}
    assert bool(enforced.refused) == bool(warned.refused or warned.warned)
    if not warned.refused:
        assert {**body, **warned.members}["store"] is False


def test_the_scanner_sees_something() -> None:
    chosen = PolicySettings()
    assert scan({"input": [{"content": [{"type": "input_image", "file_id": "f"}]}]}, chosen)
    assert scan({"input": [{"content": [{"type": "input_image", "image_url": "https://x"}]}]}, chosen)
    assert scan({"tools": [{"type": "namespace", "tools": [{"type": "mcp"}]}]}, chosen)
    assert not scan({"tools": [{"type": "function", "parameters": {"file_id": {"type": "mcp"}}}]}, chosen)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([CANARY, *HARMFUL, "message", "mcp"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "role", "content", "id"]), inner)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("mode", ["enforce", "warn"])
@settings(max_examples=100, deadline=None)
@given(body=st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=4), JUNK, max_size=4))
def test_junk_gets_a_verdict(mode: Literal["enforce", "warn"], body: dict[str, Json]) -> None:
    judge(body, MODEL, PolicySettings(mode=mode))
