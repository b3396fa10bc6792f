"""A verdict on a whole body."""

from addons.apis.policy_settings import PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.responses.api import RESPONSES
from tests.gates.calls import GPT


def test_to_a_body_that_is_refused_nothing_is_added() -> None:
    policy = BodyPolicy(RESPONSES, PolicySettings())
    passing, refused = policy.judge({"input": "x"}, GPT), policy.judge({"input": "x", "background": True}, GPT)
    assert "store" in [each.path for each in passing.changes]
    assert [each.path for each in refused.refused] == ["background"]
    assert (refused.changes, refused.members) == ((), {})


def test_the_operators_word_on_zero_data_retention_is_given_or_missing() -> None:
    policy = BodyPolicy(RESPONSES, PolicySettings())
    model = GPT.model_copy(update={"daily_cache": True, "in_memory_cache": False})
    assert [each.rule for each in policy.judge({"input": "x"}, model).refused] == ["ZERO_DATA_RETENTION"]
    assert policy.judge({"input": "x"}, model, attested=True).refused == ()
