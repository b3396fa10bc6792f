"""Gate: the list of models that this caller may use, in OpenAI's shape (docs/contract.md#models). Nobody is asked."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from addons.call import Call
from addons.foundry.catalogue import Catalogue
from addons.foundry.models import Model
from addons.gates.limits_settings import LimitsSettings
from addons.gates.meters import MetersOf
from addons.gates.period_budgets import budgets_of

CREATED: Final = 0
"""When a model was made, in Unix time: OpenAI's shape wants it, and the catalogue does not know."""


@dataclass(slots=True)
class ListModels:
    """Fills ``call.own_answer``: models that a call with these headers may name today, with their RIDs as ids.

    ``lets_out`` says whether the policy lets any call to a model out.
    """

    catalogue: Catalogue
    limits: LimitsSettings
    lets_out: Callable[[Model], bool]
    _meters_of: MetersOf = field(init=False)

    def __post_init__(self) -> None:
        self._meters_of = MetersOf(self.limits)

    def __call__(self, call: Call) -> None:
        document = {"object": "list", "data": list(self._models(call))}
        call.own_answer = json.dumps(document, separators=(",", ":")).encode()

    def _models(self, call: Call) -> Iterator[dict[str, Any]]:
        for model, _ in self.catalogue.available(datetime.now(UTC).date()):
            if self._may_be_named(call, model):
                listed = {"id": model.rid, "object": "model", "created": CREATED, "owned_by": "openai"}
                yield listed | ({"shutdown_date": str(model.shutdown)} if model.shutdown else {})

    def _may_be_named(self, call: Call, model: Model) -> bool:
        assert call.caller
        granted = call.caller.models
        if (granted is not None and model.rid not in granted) or not self.lets_out(model):
            return False
        return self.limits.mode != "enforce" or not self._is_forbidden(call, model)

    def _is_forbidden(self, call: Call, model: Model) -> bool:
        """Whether a limit or budget of 0 holds for it. Nothing is charged."""
        call.model = model
        try:
            found = self._meters_of(call)
            return bool(found and found.zero) or any(
                budget.limit == 0 for budget, _ in budgets_of(call, self.limits.budgets)
            )
        finally:
            call.model = None
