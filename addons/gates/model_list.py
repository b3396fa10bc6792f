"""Gate: the list of models that this caller may use, in OpenAI's shape (docs/contract.md#models). Nobody is asked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from addons.call import Call
from addons.foundry.catalogue import Catalogue

CREATED: Final = 0
"""When a model was made, in Unix time: OpenAI's shape wants it, and the catalogue does not know."""


@dataclass(frozen=True, slots=True)
class ListModels:
    """Fills ``call.own_answer``: models that may be named today, with their RIDs as ids."""

    catalogue: Catalogue

    def __call__(self, call: Call) -> None:
        document = {"object": "list", "data": list(self._models(call))}
        call.own_answer = json.dumps(document, separators=(",", ":")).encode()

    def _models(self, call: Call) -> Iterator[dict[str, Any]]:
        assert call.caller
        granted = call.caller.models
        for model, _ in self.catalogue.available(datetime.now(UTC).date()):
            if granted is not None and model.rid not in granted:
                continue
            listed = {"id": model.rid, "object": "model", "created": CREATED, "owned_by": "openai"}
            yield listed | ({"shutdown_date": str(model.shutdown)} if model.shutdown else {})
