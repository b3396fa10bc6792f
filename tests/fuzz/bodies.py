"""Request bodies made at random from the SDK's own types, with odd things put into them."""

import copy
import functools
from typing import Annotated, Any, Final, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from typing_extensions import is_typeddict

from addons.bodies.verdict import Json

CANARY = "canary"
HARMLESS = [CANARY, "Y2FuYXJ5", f"data:text/plain,{CANARY}"]
HARMFUL = [f"https://{CANARY}.example", f"file-{CANARY}", f"HTTP://{CANARY}.example"]


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


ODD: Final[list[dict[str, Json]]] = [
    {"type": "mcp", "server_url": "https://x.example"}, {"type": "code_interpreter"}, {"type": "file_search"},
    {"type": "web_search"}, {"type": "web_search_preview"}, {"type": "image_generation"}, {"type": "computer"},
    {"type": "shell"}, {"type": "shell", "environment": {"type": "container_auto"}}, {"type": "tool_search"},
    {"type": "programmatic_tool_calling"}, {"type": "item_reference", "id": "msg_1"}, {"id": "msg_1"},
    {"type": "reasoning", "id": "rs_1"}, {"type": "mcp_call"}, {"type": "file_search_call"}, {"type": "nothing_known"},
    {"type": "input_image", "file_id": "file-1"}, {"type": "input_file", "file_url": "https://x.example"},
    {"type": "input_image", "image_url": "http://x.example"},
    {"type": "namespace", "name": "n", "tools": [{"type": "mcp"}]},
    {"type": "additional_tools", "tools": [{"type": "code_interpreter"}]},
    {"type": "tool_search_output", "execution": "client", "tools": [{"type": "web_search"}]},
    {"type": "function", "name": "f", "parameters": {"file_id": "x"}, "strict": False}, {"type": "apply_patch"},
    {"role": "user", "content": "hello"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "t"}]},
]  # fmt: skip
"""What may not leave, and a few that may, to stand where nobody would look."""


@st.composite
def tampered(draw: st.DrawFn) -> dict[str, Json]:
    """A body with odd things in its lists, at any depth, and odd members at the top."""
    body: Any = copy.deepcopy(draw(BODIES))
    for _ in range(draw(st.integers(0, 2))):
        lists = list(_lists(body))
        if lists:
            draw(st.sampled_from(lists)).append(copy.deepcopy(draw(st.sampled_from(ODD))))
    numbers = list(_numbers(body))
    if numbers and draw(st.integers(0, 3)) == 0:
        holder, key = draw(st.sampled_from(numbers))
        holder[key] = draw(st.sampled_from(EXTREMES))
    if draw(st.booleans()):
        name = draw(st.sampled_from([*FIELDS, "user", "client_metadata", "Store", "STORE", "nothing_known"]))
        body[name] = copy.deepcopy(draw(st.sampled_from([None, False, True, "24h", "flex", {}, [], *ODD])))
    return dict(body)


EXTREMES: Final = (0, -1, 2**53, -(2**63), 10**12, 10**400, -(10**400), 1e308, -0.5)
"""Numbers that some place of a body takes, and most take not."""


def _numbers(node: Any) -> Any:
    """Where numbers stand: what holds each, and by which key."""
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in inside:
        if isinstance(inner, int | float) and not isinstance(inner, bool):
            yield node, key
        yield from _numbers(inner)


def _lists(node: Any) -> Any:
    if isinstance(node, list):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _lists(inner)
