"""The provider's APIs that are served; a further one is a room of tables and a row here."""

from collections.abc import Collection, Mapping
from typing import Final

from addons.bodies.api import Api, Body
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.choices import Choices
from addons.chat_completions.api import CHAT_COMPLETIONS
from addons.embeddings.api import EMBEDDINGS
from addons.foundry.paths import plain_path
from addons.responses.api import RESPONSES

APIS: Final[tuple[Api, ...]] = (RESPONSES, CHAT_COMPLETIONS, EMBEDDINGS)


def at(path: str) -> Api | None:
    """The API of a path, below any base URL, with or without a query. None: no API has that path."""
    plain = plain_path(path.partition("?")[0])
    return next((api for api in APIS if plain.endswith(api.path)), None)


def likeliest(body: Body, serving: Collection[str] = ()) -> Api:
    """The API whose table knows most of a body's members, for one that came without its path.

    Where two know as many, it is one of ``serving``: names of APIs that serve the body's model.
    """
    return max(APIS, key=lambda api: (sum(name in api.request.rows for name in body), api.name in serving))


def body_policies(choices: Choices) -> Mapping[str, BodyPolicy]:
    """The policy of each API under one set of choices, by the API's name."""
    return {api.name: BodyPolicy(api, choices) for api in APIS}
