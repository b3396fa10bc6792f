"""The policy as it judges a body of the Responses API."""

from typing import Any

from addons.apis.policy_settings import PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.verdict import Json, Verdict
from addons.foundry.models import Model
from addons.responses.api import RESPONSES


def judge(body: dict[str, Json], model: Model, settings: PolicySettings, **more: Any) -> Verdict:
    return BodyPolicy(RESPONSES, settings).judge(body, model, **more)
