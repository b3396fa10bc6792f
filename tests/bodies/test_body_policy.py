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
