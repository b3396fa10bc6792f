"""The provider's APIs that are served; a further one is a room of tables and a row here."""

from typing import Final

from addons.bodies.api import Api, Body
from addons.chat_completions.api import CHAT_COMPLETIONS
from addons.embeddings.api import EMBEDDINGS
from addons.responses.api import RESPONSES

APIS: Final[tuple[Api, ...]] = (RESPONSES, CHAT_COMPLETIONS, EMBEDDINGS)


def likeliest(body: Body) -> Api:
    """The API whose table knows most of a body's members, for one that came without its path."""
    return max(APIS, key=lambda api: sum(name in api.request.rows for name in body))
