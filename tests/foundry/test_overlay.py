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


@pytest.mark.parametrize(("said", "kept"), [({}, True), ({"in_memory_cache": False}, False)])
def test_a_new_model_is_on_the_strict_side(said: dict[str, Any], kept: bool) -> None:
    _, own = laid_over([SHIPPED], [Model.model_validate({"rid": OTHER, "provider_model": "m", **said})])
    assert own.in_memory_cache is kept
    assert list(differences([SHIPPED], [own])) == []
