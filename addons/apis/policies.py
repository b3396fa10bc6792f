"""The policy of every API under one set of choices."""

from collections.abc import Mapping

from addons.apis.table import APIS
from addons.bodies.choices import Choices
from addons.bodies.policy import Policy


def policies(choices: Choices) -> Mapping[str, Policy]:
    """By the name of the API."""
    return {api.name: Policy(api, choices) for api in APIS}
