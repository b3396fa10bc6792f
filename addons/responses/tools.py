"""Tools: who runs them decides (docs/contract.md#tools).

A tool comes in by five doors: ``tools[]``, a namespace inside it, the input items ``additional_tools`` and
``tool_search_output``, and ``tool_choice`` with its ``allowed_tools``. All five are held to ``TOOLS``.
"""

from dataclasses import replace
from typing import Final

from addons.bodies.content import FETCHED_URL, FILE_ID
from addons.bodies.rows import (
    BOOLEAN,
    OPAQUE,
    POSITIVE,
    STRING,
    STRINGS,
    Either,
    Later,
    Many,
    Members,
    Row,
    Shape,
    Typed,
    Values,
    allowed,
    configurable,
    refused,
    sourced,
    typed,
    whole,
)
from addons.bodies.sources import (
    CHOICE_TYPES,
    ITEM_TYPES,
    KEPT_ENDPOINTS,
    NOT_SELECTED,
    RETENTION,
    STATELESS,
    TOOL_TYPES,
    WEB_SEARCH,
)

_PROGRAMMATIC: Final = refused(
    "ZERO_DATA_RETENTION",
    "programmatic tool calling keeps the run of a program at the provider between turns",
    "Leave it out",
    source=STATELESS,
)
CALLERS: Final = Many(
    Values(
        "allowed_callers",
        "tool caller",
        sourced(TOOL_TYPES, {"direct": allowed("the model itself"), "programmatic": _PROGRAMMATIC}),
    )
)
CALLER: Final = Typed(
    "caller",
    "tool caller",
    sourced(ITEM_TYPES, {"direct": allowed("the model itself", typed()), "program": _PROGRAMMATIC}),
)

LOCAL_SKILL: Final = Members({"name": STRING, "description": STRING, "path": STRING})
_CONTAINER: Final = refused(
    "ZERO_DATA_RETENTION",
    "a container at the provider keeps files beyond the call",
    'Say environment: {"type": "local"} and run the commands yourself; without one a container is assumed',
    source=RETENTION,
)
ENVIRONMENT: Final = Typed(
    "environment", "shell environment",
    sourced(TOOL_TYPES, {
        "local": allowed("the caller runs the commands", typed(skills=Many(LOCAL_SKILL))),
        "container_auto": _CONTAINER,
        "container_reference": _CONTAINER,
    }),
)  # fmt: skip

EXECUTION: Final = Values(
    "tool_search_execution", "tool search run by the",
    sourced(TOOL_TYPES, {
        "client": allowed("the caller searches among its own tools"),
        "server": configurable(
            "server_tool_search", "FEATURE_DISABLED", "the provider would search; assumed where execution is absent",
            remedy='Say execution: "client", or the operator may set policy.server_tool_search: allow',
            source=NOT_SELECTED,
        ),
    }),
)  # fmt: skip

_FORMAT: Final = Typed(
    "custom_format", "custom tool format",
    sourced(TOOL_TYPES, {
        "text": allowed("free text", typed()),
        "grammar": allowed("text held to a grammar", typed(definition=STRING, syntax=STRING)),
    }),
)  # fmt: skip

_SEARCH_REMEDY: Final = (
    'Turn off the client\'s web search (Codex: web_search = "disabled" in its config.toml),'
    " or the operator may set policy.web_search to strip, cache_only or allow"
)
_WEB_SEARCH: Final = configurable(
    "web_search", "GEORESTRICTION", "queries made from the prompt would leave for the open web",
    typed(
        external_web_access=BOOLEAN,
        filters=Members({"allowed_domains": STRINGS}),
        search_context_size=STRING,
        search_content_types=STRINGS,
        user_location=typed(city=STRING, country=STRING, region=STRING, timezone=STRING),
    ),
    remedy=_SEARCH_REMEDY,
    forced={"external_web_access": False},
    source=WEB_SEARCH,
)  # fmt: skip
_WEB_SEARCH_PREVIEW: Final = refused(
    "GEORESTRICTION",
    "queries would leave for the open web, and this version has no cache-only mode",
    "Leave it out, or use the tool web_search, which the operator may allow by policy.web_search",
    source=WEB_SEARCH,
)

_COMPUTER: Final = "drives a screen and sends pictures of it; not among the selected features"


def _tool() -> Shape:
    return TOOL


TOOLS: Final[dict[str, Row]] = sourced(TOOL_TYPES, {
    # -- the caller runs these: the provider only writes down what it wants done
    "function": allowed(
        "the caller runs it",
        typed(
            name=STRING, description=STRING, parameters=OPAQUE, strict=BOOLEAN, output_schema=OPAQUE,
            defer_loading=BOOLEAN, allowed_callers=CALLERS, async_=BOOLEAN,
        ),
    ),
    "custom": allowed(
        "the caller runs it",
        typed(
            name=STRING, description=STRING, format=_FORMAT,
            defer_loading=BOOLEAN, allowed_callers=CALLERS, async_=BOOLEAN,
        ),
    ),
    "apply_patch": allowed("the caller applies it", typed(allowed_callers=CALLERS)),
    "local_shell": allowed("the caller runs it", typed()),
    "shell": allowed(
        "in a local environment the caller runs it; without one named, a container is assumed",
        typed(environment=ENVIRONMENT, allowed_callers=CALLERS),
        assumed={"environment": {"type": "container_auto"}},
    ),
    "tool_search": allowed(
        "run by the client it only chooses among the caller's tools; unless it says so, the server is assumed",
        typed(execution=EXECUTION, description=STRING, parameters=OPAQUE),
        assumed={"execution": "server"},
    ),
    "namespace": allowed(
        "a group of tools, each of them judged",
        typed(name=STRING, description=STRING, tools=Many(Later(_tool))),
        holds="tools",
    ),
    # -- the provider, or a third party, runs these and keeps state
    "file_search": refused(
        "ZERO_DATA_RETENTION", "searches vector stores kept at the provider", "Search yourself, by a function tool",
        source=KEPT_ENDPOINTS,
    ),
    "code_interpreter": refused(
        "ZERO_DATA_RETENTION", "runs in a container that keeps files at the provider", "Run code by a function tool",
        source=RETENTION,
    ),
    "mcp": refused(
        "ZERO_DATA_RETENTION", "the provider would send content to a third party's server or connector",
        "Connect the MCP server in your client and offer its tools as function tools",
        source=RETENTION,
    ),
    "programmatic_tool_calling": _PROGRAMMATIC,
    "web_search": _WEB_SEARCH,
    "web_search_2025_08_26": _WEB_SEARCH,
    "web_search_preview": _WEB_SEARCH_PREVIEW,
    "web_search_preview_2025_03_11": _WEB_SEARCH_PREVIEW,
    # -- not selected
    "image_generation": configurable(
        "image_generation", "FEATURE_DISABLED", "a second model makes the image; not among the selected features",
        typed(
            input_image_mask=Members({"image_url": FETCHED_URL, "file_id": FILE_ID}),
            svg=Members({"model": STRING, "reasoning": Members({"effort": STRING})}),
            frame_count=POSITIVE, frame_duration_ms=POSITIVE,
            output_compression=whole(0, 100), partial_images=whole(0, 3),
            action=STRING, background=STRING, complexity=STRING, input_fidelity=STRING, model=STRING,
            moderation=STRING, output_format=STRING, quality=STRING, size=STRING,
        ),
        source=NOT_SELECTED,
    ),
    "computer": configurable("computer", "FEATURE_DISABLED", _COMPUTER, typed(), source=NOT_SELECTED),
    "computer_use": configurable("computer", "FEATURE_DISABLED", _COMPUTER, typed(), source=NOT_SELECTED),
    "computer_use_preview": configurable(
        "computer", "FEATURE_DISABLED", _COMPUTER,
        typed(display_height=POSITIVE, display_width=POSITIVE, environment=STRING),
        source=NOT_SELECTED,
    ),
})  # fmt: skip

TOOL: Final[Shape] = Typed("tool", "tool type", TOOLS)

_BY_THE_PREVIEWS_TYPE: Final = replace(_WEB_SEARCH, shape=typed(), forced={}, source=CHOICE_TYPES)
NAMED: Final[dict[str, Row]] = {
    **TOOLS,
    "web_search_preview": _BY_THE_PREVIEWS_TYPE,
    "web_search_preview_2025_03_11": _BY_THE_PREVIEWS_TYPE,
}
"""Tools that are only named: clients name ``web_search`` by the preview's type, as OpenAI's own types have it."""

TOOL_REFERENCE: Final = Typed("tool", "tool type", NAMED, reference=True)

TOOL_CHOICE: Final[Shape] = Either((
    Values(
        "tool_choice", "tool choice",
        sourced(CHOICE_TYPES, {name: allowed("names no tool") for name in ("none", "auto", "required")}),
    ),
    Typed(
        "tool", "tool type",
        {
            **NAMED,
            "allowed_tools": allowed(
                "names tools, each of them judged", typed(mode=STRING, tools=Many(TOOL_REFERENCE)), holds="tools",
                source=CHOICE_TYPES,
            ),
        },
        reference=True,
    ),
))  # fmt: skip
