"""Lists the whole policy under one configuration, row by row: the tables, the headers and the models."""

from collections.abc import Iterator
from datetime import date, timedelta

from addons.apis.policy_settings import PolicySettings
from addons.apis.row_listing import Listed, listed
from addons.bodies.sources import Source
from addons.configuration.meaning import catalogue_of, is_attested
from addons.configuration.settings import Settings
from addons.foundry.catalogue import Catalogue
from addons.foundry.models import Model
from addons.foundry.refusals import Refusal
from addons.foundry.request_headers import CHECKED, HEADERS
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX

_DECISIONS = {"forwarded": "allow", "hashed": "coerce", "replaced": "coerce", "read": "strip", "kept back": "strip"}
"""A header's decision, in the words that the tables use for fields."""


def policy_listing(settings: Settings, today: date) -> tuple[Listed, ...]:
    """All rows: first those that allow more than the shipped default does, then the others, in the tables' order."""
    rows = [*listed(settings.policy), *_headers(), *_models(settings, today)]
    return tuple(sorted(rows, key=lambda row: not row.is_looser))


def old_sources(settings: Settings, today: date) -> Iterator[str]:
    """A sentence, for ``check``, on each source that was last read over ``policy.review_days`` ago, with its rows."""
    oldest = today - timedelta(days=settings.policy.review_days)
    rows = [row for row in policy_listing(settings, today) if row.source.checked < oldest]
    for source in dict.fromkeys(row.source for row in rows):
        names = ", ".join(row.name for row in rows if row.source == source)
        yield f"last read on {source.checked}, over {settings.policy.review_days} days ago: {source} ({names})"


def _headers() -> Iterator[Listed]:
    for name, row in HEADERS.items():
        decision = _DECISIONS[row.decision]
        yield Listed(
            kind="header",
            name=name,
            decision=decision,
            shipped=decision,
            reason=f"{row.decision}: {row.reason}",
            source=Source(row.source, row.section, CHECKED),
            setting=row.setting,
        )


def _models(settings: Settings, today: date) -> Iterator[Listed]:
    catalogue, shipped = catalogue_of(settings), Catalogue()
    for model in catalogue.models:
        decision, rule, reason = _model(model, catalogue, settings.policy, today, attested=is_attested(settings))
        yield Listed(
            kind="model",
            name=model.rid.removeprefix(LANGUAGE_MODEL_PREFIX),
            decision=decision,
            shipped=_model(model, shipped, PolicySettings(), today, attested=False)[0],
            reason=reason,
            rule=rule,
            source=Source("the model catalogue", f"RID {model.source}"),
            setting="policy.models_with_daily_cache" if model.keeps_prompts_for_a_day else "models.extra",
        )


def _model(
    model: Model, catalogue: Catalogue, policy: PolicySettings, today: date, *, attested: bool
) -> tuple[str, str, str]:
    """Decision, rule (empty where there is none) and reason."""
    try:
        model = catalogue.find(model.rid, today)
    except Refusal as refusal:
        return "refuse", refusal.rule or "", refusal.message
    regions = f"{model.provider_model} in {', '.join(catalogue.regions_for(model))}"
    if not model.keeps_prompts_for_a_day:
        return "allow", "", regions
    warned = policy.mode_of("ZERO_DATA_RETENTION", "model") == "warn"
    otherwise = "warn" if warned else "refuse"
    return (
        "allow" if attested or model.rid in policy.models_with_daily_cache else otherwise,
        "ZERO_DATA_RETENTION",
        f"{regions}; keeps prompts for up to 24 hours in organizations without zero data retention",
    )
