"""Finds the model a call names, and says why it may not be used (docs/contract.md#models)."""

import difflib
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from addons.foundry.models import Model
from addons.foundry.overlay import laid_over
from addons.foundry.refusals import Refusal, excerpt
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX, is_rid
from addons.foundry.shipped_models import SHIPPED

NOTICE: Final = timedelta(days=60)
"""How long before its shutdown a model is warned of."""

OTHER_PROVIDERS: Final = ("anthropic-", "claude-", "gemini-", "grok-", "llama-", "mistral-")
"""How locators of models begin that Foundry offers through other proxies than OpenAI's."""

_OTHER_PROVIDER: Final = ("OTHER_PROVIDER", "Backend not supported for OpenAI proxy")
_SIMILARITY = 0.75  # of a word to one it may have meant; lets a letter be wrong, or two of a long word
_WORD = re.compile(r"[a-z]+|[0-9]+")


class Catalogue:
    """The models a call may name, in the regions configuration allows.

    Args:
        extra: rows laid over the shipped ones, and those of further models.
        allow_plain_names: also take OpenAI's own names for a model.
        allowed_regions: in order of preference.
    """

    def __init__(
        self,
        extra: Sequence[Model] = (),
        *,
        allow_plain_names: bool = False,
        allowed_regions: Sequence[str] = ("global",),
    ) -> None:
        self._models = {model.rid: model for model in laid_over(SHIPPED, extra)}
        self._by_name = {name: model for model in self._models.values() for name in _names(model)}
        self._allow_plain_names = allow_plain_names
        self._allowed_regions = tuple(allowed_regions)

    @property
    def models(self) -> tuple[Model, ...]:
        """Every row, whether it may be named or not."""
        return tuple(self._models.values())

    def find(self, name: object, today: date, api: str | None = None) -> Model:
        """The model that the body's ``model`` member names, for an API of this name.

        Raises:
            Refusal: ``invalid_model`` when it is missing or no RID; ``model_not_found`` when the RID is unknown;
                ``model_not_available`` when the model is switched off, shut down, another provider's, not
                to be used in any allowed region, or does not serve the API.
        """
        if not isinstance(name, str):
            problem = "is missing" if name is None else "is not a string"
            raise Refusal(
                "invalid_model",
                f"The field 'model' {problem}. Set it to the RID of a language model, as Foundry's Model Catalog"
                f" shows it, e.g. {LANGUAGE_MODEL_PREFIX}gpt-5-2.",
                param="model",
            )
        model = self._models.get(name) or (self._by_name.get(name) if self._allow_plain_names else None)
        if model is None:
            raise self._unknown(name, today)
        if reason := self._unavailable(model, today):
            raise _not_available(model.rid, *reason)
        if api is not None and api not in model.apis:
            raise _not_available(model.rid, "OTHER_API", f"it serves {' and '.join(model.apis)}, and not {api}")
        return model

    def regions_for(self, model: Model) -> tuple[str, ...]:
        """The regions this model may be used in, in the order configuration prefers them."""
        return tuple(region for region in self._allowed_regions if region in model.regions)

    def available(self, today: date) -> tuple[tuple[Model, tuple[str, ...]], ...]:
        """Every model that may be named today, with its regions."""
        return tuple(
            (model, self.regions_for(model)) for model in self._models.values() if not self._unavailable(model, today)
        )

    def warnings(self, today: date) -> tuple[Model, ...]:
        """The models in use whose shutdown is near, the first to go first."""
        near = [model for model, _ in self.available(today) if is_shut_down_soon(model, today)]
        return tuple(sorted(near, key=lambda model: model.shutdown or today))

    def _unavailable(self, model: Model, today: date) -> tuple[str, str] | None:
        """Rule and reason, when the model may not be named."""
        if model.provider_model is None:
            return _OTHER_PROVIDER
        if not model.enabled:
            return "MODEL_DISABLED", "it is switched off in this sidecar's configuration"
        if model.shutdown and model.shutdown <= today:
            return "MODEL_RETIRED", f"OpenAI shut it down on {model.shutdown}{self._in_its_place(model)}"
        if not self.regions_for(model):
            may, held = ", ".join(model.regions), ", ".join(self._allowed_regions)
            return "GEORESTRICTION", f"it may be used in {may} alone, and this sidecar is held to {held}"
        return None

    def _in_its_place(self, model: Model) -> str:
        if model.successor is None:
            return ""
        known = self._by_name.get(model.successor)
        return f" and names {model.successor} in its place" + (f" ({known.rid})" if known else "")

    def unused_regions(self) -> tuple[str, ...]:
        """The allowed regions in which no model may be used."""
        used = {region for model in self._models.values() for region in model.regions}
        return tuple(region for region in self._allowed_regions if region not in used)

    def _unknown(self, name: str, today: date) -> Refusal:
        locator = name.removeprefix(LANGUAGE_MODEL_PREFIX)
        meant = self._meant(locator, today)
        hint = f" Did you mean {meant}?" if meant else " Foundry's Model Catalog lists the RIDs."
        if not is_rid(name):
            message = f"The model '{excerpt(name)}' is not a resource identifier (RID).{hint}"
            return Refusal("invalid_model", message, param="model", detail=f"not a resource identifier (RID).{hint}")
        rid = excerpt(name, 256)
        if locator != name and locator.startswith(OTHER_PROVIDERS):
            return _not_available(rid, *_OTHER_PROVIDER)
        message = f"The model {rid} is not in this sidecar's catalogue.{hint}"
        return Refusal("model_not_found", message, parameters={"modelId": rid}, param="model")

    def _meant(self, name: str, today: date) -> str | None:
        """The RID of the model that goes by this name, or of one in use whose name differs in its spelling alone."""
        plain = name[:100].lower().rpartition("/")[2]  # other gateways write openai/gpt-5.2
        if model := self._by_name.get(plain):
            return model.rid
        meant = _WORD.findall(plain)
        for model, _ in self.available(today):
            if any(_is_misspelt(meant, _WORD.findall(own)) for own in _names(model)):
                return model.rid
        return None


def is_shut_down_soon(model: Model, today: date) -> bool:
    """Whether the provider shuts it down within ``NOTICE``."""
    return model.shutdown is not None and model.shutdown <= today + NOTICE


def _is_misspelt(meant: Sequence[str], own: Sequence[str]) -> bool:
    """Whether these are a model's words and numbers: the numbers the same, each word much alike.

    Another number or word is another model: gpt-6-astra is no gpt-5-6-terra, and gpt-4o-mini no gpt-4o.
    """
    return len(meant) == len(own) and all(
        mine == theirs
        or (
            not mine.isdecimal()
            and not theirs.isdecimal()
            and difflib.SequenceMatcher(None, mine, theirs).ratio() >= _SIMILARITY
        )
        for mine, theirs in zip(meant, own, strict=True)
    )


def _names(model: Model) -> tuple[str, ...]:
    """What a person may call it: the locator, OpenAI's name, and the dated snapshots."""
    own = model.rid.removeprefix(LANGUAGE_MODEL_PREFIX)
    return tuple(filter(None, (own, model.provider_model, *model.snapshot.values())))


def _not_available(rid: str, rule: str, reason: str) -> Refusal:
    return Refusal(
        "model_not_available",
        f"The model {rid} is not available: {reason}.",
        parameters={"languageModelRid": rid},
        param="model",
        rule=rule,
    )
