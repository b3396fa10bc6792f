"""The section ``policy``: how much a body may hold, and what is said of a wrong name."""

import pytest
from pydantic import ValidationError

from addons.apis.policy_settings import PolicySettings
from tests.configuration.descriptions import numbers


def test_each_number_is_the_one_that_is_described() -> None:
    told = {key: default for key, default, number in numbers(PolicySettings.model_json_schema()) if default == number}
    assert set(told) == {"max_body_bytes", "max_json_values", "review_days"}


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        pytest.param("COTS", "did you mean COST?", id="a rule in other letters"),
        pytest.param("tool.mpc", "did you mean tool.mcp?", id="a row in other letters"),
        pytest.param("everything", "policy lists the rows", id="nothing that is known"),
        pytest.param("INVALID", "policy lists the rows", id="a rule that is always enforced"),
    ],
)
def test_a_rule_that_is_none_is_told(name: str, advice: str) -> None:
    with pytest.raises(ValidationError, match=name) as caught:
        PolicySettings.model_validate({"rules": {name: "warn"}})
    assert advice in str(caught.value)
