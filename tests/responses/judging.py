"""The policy as it judges a body of the Responses API."""

from functools import partial
from typing import Final

from addons.bodies import policy
from addons.responses.api import RESPONSES

judge: Final = partial(policy.judge, RESPONSES)
