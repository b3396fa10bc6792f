"""The provider's APIs that are served; a further one is a room of tables and a row here."""

from typing import Final

from addons.bodies.api import Api
from addons.chat_completions.api import CHAT_COMPLETIONS
from addons.embeddings.api import EMBEDDINGS
from addons.responses.api import RESPONSES

APIS: Final[tuple[Api, ...]] = (RESPONSES, CHAT_COMPLETIONS, EMBEDDINGS)
