import pytest
from pydantic import ValidationError

from addons.apis.policy_settings import ROWS, PolicySettings
from addons.bodies.rows import WARNABLE


def test_every_default_is_the_strictest() -> None:
    assert PolicySettings().model_dump(exclude={"max_body_bytes", "max_json_values"}) == {
        "mode": "enforce",
        "rules": {},
        "store_true": "refuse",
        "web_search": "refuse",
        "remote_urls": "refuse",
        "service_tiers": (),
        "reasoning_pro": "refuse",
        "image_generation": "refuse",
        "computer": "refuse",
        "server_tool_search": "refuse",
        "models_with_daily_cache": (),
        "candidate": None,
        "review_days": 180,
        "safety_identifier": None,
        "prompt_cache_key": "caller",
    }


def test_every_key_says_why_its_default_is_what_it_is() -> None:
    properties = PolicySettings.model_json_schema()["properties"]
    assert len(properties) >= 13
    for name, schema in properties.items():
        assert "Default" in schema["description"], name


@pytest.mark.parametrize(
    "row",
    [
        "background", "store", "max_output_tokens", "tool.mcp", "tool.web_search", "item.item_reference",
        "item.reasoning", "part.input_image.file_id", "include.file_search_call.results", "service_tier.flex",
        "reasoning.mode.pro", "url.http", "environment.container_auto", "tool_search_execution.server",
    ],
)  # fmt: skip
def test_each_row_that_may_refuse_has_a_name(row: str) -> None:
    assert row in ROWS
    assert PolicySettings(rules={row: "warn"}).rules == {row: "warn"}


@pytest.mark.parametrize("row", ["input", "user", "metadata", "tool.function", "part.input_text", "url.data"])
def test_what_never_refuses_has_none(row: str) -> None:
    assert row not in ROWS


@pytest.mark.parametrize("rule", sorted(WARNABLE))
def test_each_rule_can_warn(rule: str) -> None:
    assert PolicySettings(rules={rule: "warn"}).rules == {rule: "warn"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": {"tool.mpc": "warn"}},
        {"rules": {"INVALID": "warn"}},
        {"rules": {"PRIVACY": "warn"}},
        {"rules": {"tool.mcp": "off"}},
        {"mode": "off"},
        {"web_search": "cached"},
        {"service_tiers": ["gold"]},
        {"max_body_bytes": 0},
        {"safety_identifier": "literal-secret"},
        {"websearch": "strip"},
    ],
)
def test_a_wrong_value_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PolicySettings.model_validate(wrong)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("tool.mpc", "did you mean tool.mcp?"),
        ("ZERO_DATA_RETENTON", "did you mean ZERO_DATA_RETENTION?"),
        ("backgroud", "did you mean background?"),
        ("something else", "./run.sh policy lists the rows"),
    ],
)
def test_a_name_that_no_row_has_gets_a_near_one(written: str, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PolicySettings(rules={written: "warn"})
    assert told in str(caught.value)
