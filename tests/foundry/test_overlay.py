"""The operator's rows over the shipped ones."""

from typing import Any

import pytest

from addons.foundry.models import Model
from addons.foundry.overlay import differences, laid_over
from addons.foundry.prices import DatedPrices

RID = "ri.language-model-service..language-model.gpt-5-2"
OTHER = "ri.language-model-service..language-model.mine"
SHIPPED = Model(
    rid=RID,
    provider_model="gpt-5.2",
    snapshot={"eu": "gpt-5.2-2025-12-11"},
    regions=("global", "eu"),
    reasoning=True,
    in_memory_cache=True,
)


def over(**members: Any) -> Model:
    (model,) = laid_over([SHIPPED], [Model.model_validate({"rid": RID, **members})])
    return model


def test_prices_change_nothing_else() -> None:
    prices = (DatedPrices(input=1, output=2),)
    assert over(prices={"input": 1, "output": 2}) == SHIPPED.model_copy(update={"prices": prices})


@pytest.mark.parametrize(
    "members",
    [{"enabled": False}, {"regions": ("eu",)}, {"in_memory_cache": False}, {"reasoning": False}, {"output_cap": 5}],
    ids=str,
)
def test_a_member_that_is_named_and_no_other(members: dict[str, Any]) -> None:
    assert over(**members) == SHIPPED.model_copy(update=members)
    ((rid, member, _, now),) = differences([SHIPPED], [Model.model_validate({"rid": RID, **members})])
    assert (rid, {member: now}) == (RID, members)


def test_another_model_of_the_provider_takes_the_snapshots_along() -> None:
    assert over(provider_model="gpt-5.2-acme").snapshot == {}
    assert over(provider_model="gpt-5.2-acme", snapshot={"eu": "x"}).snapshot == {"eu": "x"}


def test_the_shipped_models_own_name_changes_nothing() -> None:
    """Rows of 0.1 had to write it beside their prices."""
    assert over(provider_model="gpt-5.2") == SHIPPED


@pytest.mark.parametrize(
    ("members", "daily"),
    [
        ({"provider_model": "gpt-4o"}, False),
        ({"provider_model": "gpt-4o-2024-11-20"}, False),
        ({"snapshot": {"eu": "gpt-4o-2024-11-20"}}, False),
        ({"provider_model": None}, False),
        ({"provider_model": "gpt-5.5"}, True),
        ({"provider_model": "gpt-4o-mini"}, True),
        ({"provider_model": "gpt-5.5-2026-04-23"}, True),
        ({"provider_model": "gpt-4o-2024-11-20-acme"}, True),
        ({"snapshot": {"eu": "gpt-4o-2024-11-20", "us": "gpt-5.5"}}, True),
        ({"provider_model": "gpt-5.5", "daily_cache": False}, False),
        ({"prices": {"input": 1, "output": 2}}, False),
    ],
    ids=str,
)
def test_what_another_model_keeps_is_not_known_from_this_one(members: dict[str, Any], daily: bool) -> None:
    shipped = Model(rid=RID, provider_model="gpt-4o", daily_cache=False)
    (model,) = laid_over([shipped], [Model.model_validate({"rid": RID, **members})])
    assert model.keeps_prompts_for_a_day is daily


def test_a_further_model_stays_as_it_is_written() -> None:
    own = Model(rid=OTHER, provider_model="m")
    assert laid_over([SHIPPED], [own]) == (SHIPPED, own)
    assert list(differences([SHIPPED], [own])) == []
