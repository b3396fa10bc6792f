"""What an operator should know of the models in use, for ``check``."""

from collections.abc import Iterator
from datetime import date

from addons.configuration.meaning import catalogue_of, is_attested
from addons.configuration.settings import Settings
from addons.foundry.models import Model
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX
from addons.foundry.shipped_models import GUESSED


def model_notes(settings: Settings, today: date) -> Iterator[str]:
    """A sentence on each region without models, on models that keep prompts for a day, and on guessed RIDs."""
    catalogue = catalogue_of(settings)
    models = [model for model, _ in catalogue.available(today)]
    for region in catalogue.unused_regions():
        yield (
            f"no model may be used in region {region}: OpenAI's data residency guide names no model that runs there"
            " (in au, in and jp OpenAI only stores data); a row of models.extra may allow one"
        )
    daily = [model for model in models if model.keeps_prompts_for_a_day]
    listed = [model for model in daily if is_attested(settings) or model.rid in settings.policy.models_with_daily_cache]
    if listed:
        reason = "provider.zero_data_retention is attested" if is_attested(settings) else "policy lists them"
        yield (
            "these keep prompts for up to 24 hours in organizations without zero data retention; they are served, since"
            f" {reason}: {_names(listed)}"
        )
    if refused := [model for model in daily if model not in listed]:
        yield (
            "these keep prompts at the provider for up to 24 hours and are refused, unless"
            " provider.zero_data_retention is attested or policy.models_with_daily_cache lists them:"
            f" {_names(refused)}"
        )
    if guessed := [model for model in models if model.source == GUESSED]:
        yield f"the RIDs of these are guessed; compare them with Foundry's Model Catalog: {_names(guessed)}"


def _names(models: list[Model]) -> str:
    return ", ".join(model.rid.removeprefix(LANGUAGE_MODEL_PREFIX) for model in models)
