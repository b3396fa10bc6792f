import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from addons.foundry.caller import SCOPE, Caller
from addons.foundry.catalogue import Catalogue
from addons.foundry.models import Model
from addons.gates.limits_settings import LimitsSettings
from addons.gates.model_list import ListModels
from tests.conftest import MODEL
from tests.gates.calls import SOMEONE, call, through

OWN = "ri.language-model-service.main.language-model.own"
ALL, OTHERS = "all", "all but MODEL"
GRANTED = Caller("granted", frozenset({SCOPE}), models=frozenset({MODEL}))


def anything(_model: Model) -> bool:
    return True


def without_it(model: Model) -> bool:
    return model.rid != MODEL


@pytest.mark.parametrize(
    ("caller", "limits", "lets_out", "listed"),
    [
        pytest.param(SOMEONE, {}, anything, ALL, id="all models"),
        pytest.param(GRANTED, {}, anything, MODEL, id="those granted"),
        pytest.param(GRANTED, {}, without_it, "", id="those granted that policy refuses"),
        pytest.param(SOMEONE, {}, without_it, OTHERS, id="those that policy lets out"),
        pytest.param(
            SOMEONE, {"enrollment": {MODEL: {"requests_per_minute": 0}}}, anything, OTHERS, id="a limit of 0"
        ),
        pytest.param(
            SOMEONE, {"user": {"someone": {MODEL: {"tokens_per_minute": 1}}}}, anything, ALL, id="a limit beyond 0"
        ),
        pytest.param(
            SOMEONE, {"budgets": {"user": {"someone": {MODEL: {"day": {"tokens": 0}}}}}}, anything, OTHERS,
            id="a budget of 0",
        ),
        pytest.param(
            SOMEONE, {"mode": "warn", "enrollment": {MODEL: {"requests_per_minute": 0}}}, anything, ALL,
            id="a limit of 0 that is only warned of",
        ),
    ],
)  # fmt: skip
def test_what_is_listed(caller: Caller, limits: dict[str, Any], lets_out: Callable[[Model], bool], listed: str) -> None:
    gate = ListModels(Catalogue(), LimitsSettings(**limits), lets_out)
    asked = through(gate, call(caller=caller))
    assert asked.model is None
    document = json.loads(asked.own_answer)
    everything = {model["id"] for model in json.loads(
        through(ListModels(Catalogue(), LimitsSettings(), anything), call(caller=SOMEONE)).own_answer
    )["data"]}  # fmt: skip
    assert len(everything) > 10
    expected = {ALL: everything, OTHERS: everything - {MODEL}, MODEL: {MODEL}, "": set()}[listed]
    assert {model["id"] for model in document["data"]} == expected


@pytest.mark.parametrize(
    ("row", "more"),
    [
        pytest.param({}, {}, id="one that stays"),
        pytest.param({"shutdown": date(2999, 1, 2)}, {"shutdown_date": "2999-01-02"}, id="one that ends"),
    ],
)
def test_how_a_model_is_listed(row: dict[str, Any], more: dict[str, str]) -> None:
    """In the shape that openai-python and openai-node read."""
    own = Model(rid=OWN, provider_model="own", daily_cache=False, **row)
    gate = ListModels(Catalogue(extra=(own,)), LimitsSettings(), lambda model: model.rid == OWN)
    (listed,) = json.loads(through(gate, call(caller=SOMEONE)).own_answer)["data"]
    assert listed == {"id": OWN, "object": "model", "created": 0, "owned_by": "openai", **more}
