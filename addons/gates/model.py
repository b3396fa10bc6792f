"""Gates: which model is meant, and whether this caller may use it (docs/contract.md#models)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from addons.call import Call
from addons.foundry.catalogue import Catalogue
from addons.foundry.refusals import Refusal


@dataclass(frozen=True, slots=True)
class ResolveModel:
    """Fills ``call.model`` and ``call.region``."""

    catalogue: Catalogue

    def __call__(self, call: Call) -> None:
        assert call.api
        model = self.catalogue.find(call.document.get("model"), datetime.now(UTC).date(), call.api.name)
        call.model = model
        call.region = self.catalogue.regions_for(model)[0]


def permit_model(call: Call) -> None:
    """Holds the call to what its caller's registration or token says of models and projects."""
    assert call.caller
    assert call.model
    caller = call.caller
    if caller.models is not None and call.model.rid not in caller.models:
        raise Refusal(
            "model_permission_denied",
            f"This caller may not use {call.model.rid}; ask for it to be added to the caller's models.",
            parameters={"languageModelRid": call.model.rid},
            param="model",
            rule="MODEL_PERMISSION",
        )
    if caller.projects is not None and (foreign := [rid for rid in call.attribution if rid not in caller.projects]):
        raise Refusal(
            "model_permission_denied",
            f"This caller may not attribute usage to {foreign[0]}; ask for it to be added to the caller's projects.",
            parameters={"languageModelRid": call.model.rid},
            param="attribution",
            rule="PROJECT_PERMISSION",
        )
