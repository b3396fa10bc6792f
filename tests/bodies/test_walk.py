"""The walk over a body: what is refused changes nothing, and each change says under which rule."""

from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.notes import KEPT
from addons.bodies.verdict import Json
from addons.foundry.models import Model
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)
MADE = {"type": "image_generation_call", "result": "eHh4"}
IMAGE = {"type": "input_image", "image_url": "https://x.example/a.png"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"background": True}, id="a field that is refused"),
        pytest.param({"temperature": "hot"}, id="a value of another kind"),
        pytest.param({"service_tier": "gold"}, id="a word nobody knows"),
        pytest.param({"frobnicate": 1}, id="a field nobody knows"),
        pytest.param({"tools": [{"type": "mcp"}]}, id="a tool that is refused"),
        pytest.param({"tools": [{"type": "shell"}]}, id="a tool of which too much is assumed"),
        pytest.param({"tools": ["function"]}, id="a text for a tool"),
        pytest.param({"input": [{"role": "user", "content": [IMAGE]}]}, id="an address in a part of a message"),
        pytest.param({"input": [{"id": "msg_1"}]}, id="an item by its id alone"),
    ],
)
def test_what_is_refused_changes_nothing(body: dict[str, Json]) -> None:
    verdict = judge({"store": False, **body}, MODEL, PolicySettings())
    assert len(verdict.refused) == 1
    assert (verdict.changes, verdict.members) == ((), {})


@pytest.mark.parametrize(
    ("body", "row"),
    [
        pytest.param({"background": True}, "background", id="a field"),
        pytest.param({"reasoning": {"mode": "pro"}}, "reasoning.mode.pro", id="a word in a field's member"),
        pytest.param({"prompt_cache_options": {"ttl": "12h"}}, "prompt_cache_ttl.12h", id="a word of its own table"),
        pytest.param(
            {"prompt_cache_options": {"comparison_response_id": "r"}},
            "prompt_cache_options.comparison_response_id",
            id="a field's member",
        ),
        pytest.param({"tools": [{"type": "mcp"}]}, "tool.mcp", id="a tool"),
        pytest.param(
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "part.input_image.file_id",
            id="a member of a part",
        ),
    ],
)
def test_a_refusal_names_the_row_that_decided(body: dict[str, Json], row: str) -> None:
    (finding,) = judge({"store": False, **body}, MODEL, PolicySettings()).refused
    assert finding.row == row
    assert judge({"store": False, **body}, MODEL, PolicySettings(rules={row: "warn"})).refused == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(
            {"moderation": {}},
            "moderation is refused (FEATURE_DISABLED): a second model would read the content; not among the selected"
            " features. Leave it out.",
            id="a field",
        ),
        pytest.param(
            {"tools": [{"type": "file_search"}]},
            'tools[0]: tool type "file_search" is refused (ZERO_DATA_RETENTION): searches vector stores kept at the'
            " provider. Search yourself, by a function tool.",
            id="a tool, by its type",
        ),
    ],
)
def test_a_refusal_says_what_why_and_what_to_do(body: dict[str, Json], message: str) -> None:
    (finding,) = judge({"store": False, **body}, MODEL, PolicySettings()).refused
    assert finding.message == message


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param({"input": [MADE] * KEPT + [{**MADE, "result": 7}]}, f"input[{KEPT}].result", id="a wrong value"),
        pytest.param({**{f"x{n}": n for n in range(KEPT)}, "Store": True}, "Store", id="a name in other letters"),
    ],
)
def test_behind_many_warnings_what_is_malformed_is_still_refused(body: dict[str, Json], path: str) -> None:
    verdict = judge({"store": False, **body}, MODEL, PolicySettings(mode="warn"))
    assert len(verdict.warned) == KEPT
    assert [(finding.path, finding.rule) for finding in verdict.refused] == [(path, "INVALID")]


@pytest.mark.parametrize(
    ("body", "settings", "change"),
    [
        pytest.param({"user": "u"}, {}, ("user", "stripped", "PRIVACY"), id="a name"),
        pytest.param(
            {"access_programs": {}}, {}, ("access_programs", "stripped", "FEATURE_DISABLED"), id="what was not selected"
        ),
        pytest.param(
            {"tools": [{"type": "web_search"}, {"type": "local_shell"}]},
            {"web_search": "strip"},
            ("tools[0]", "stripped", "GEORESTRICTION"),
            id="a tool",
        ),
        pytest.param(
            {"tools": [{"type": "web_search"}]},
            {"web_search": "cache_only"},
            ("tools[0].external_web_access", "forced", "GEORESTRICTION"),
            id="a member of a tool",
        ),
        pytest.param({"store": True}, {"store_true": "coerce"}, ("store", "forced", "ZERO_DATA_RETENTION"), id="store"),
    ],
)
def test_a_change_says_under_which_rule(
    body: dict[str, Json], settings: dict[str, Any], change: tuple[str, str, str]
) -> None:
    verdict = judge({"store": False, **body}, MODEL, PolicySettings(**settings))
    assert [(each.path, each.action, each.rule) for each in verdict.changes] == [change]
