from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from addons.foundry.catalogue import Catalogue
from addons.foundry.models import Model
from addons.gates.model import ResolveModel, permit_model
from tests.conftest import MODEL
from tests.gates.calls import GPT, SOMEONE, call, refused_by, through

HERE, OTHER = "ri.compass.main.folder.here", "ri.compass.main.folder.other"
PREFIX = "ri.language-model-service..language-model."
TODAY = datetime.now(UTC).date()


def row(name: str, **more: object) -> Model:
    return Model.model_validate({"rid": PREFIX + name, "provider_model": name, **more})


EXTRA = (
    row("everywhere", regions=("global", "us", "eu")),
    row("in-eu", regions=("eu",)),
    row("in-us", regions=("us",)),
    row("global-only"),
    row("off", enabled=False, regions=("eu",)),
    row("gone", shutdown=TODAY, regions=("eu",)),
    row("going", shutdown=TODAY + timedelta(days=2), regions=("eu",)),
)


def gate(*allowed: str) -> ResolveModel:
    return ResolveModel(Catalogue(EXTRA, allowed_regions=allowed))


@pytest.mark.parametrize(
    ("allowed", "name", "region"),
    [
        (("eu",), "everywhere", "eu"),
        (("us", "eu"), "everywhere", "us"),
        (("eu", "us"), "everywhere", "eu"),
        (("us", "eu"), "in-eu", "eu"),
        (("global", "eu"), "in-eu", "eu"),
        (("eu",), "going", "eu"),
    ],
)
def test_the_first_allowed_region_the_model_may_be_used_in(allowed: tuple[str, ...], name: str, region: str) -> None:
    asked = through(gate(*allowed), call(document={"model": PREFIX + name}))
    assert asked.model
    assert (asked.model.provider_model, asked.region) == (name, region)


@pytest.mark.parametrize(
    ("name", "refusal", "rule"),
    [
        (None, "invalid_model", None),
        (1, "invalid_model", None),
        ("everywhere", "invalid_model", None),
        (PREFIX + "nothing-like-it", "model_not_found", None),
        (PREFIX + "claude-4-5-sonnet", "model_not_available", "OTHER_PROVIDER"),
        (PREFIX + "in-us", "model_not_available", "GEORESTRICTION"),
        (PREFIX + "global-only", "model_not_available", "GEORESTRICTION"),
        (PREFIX + "off", "model_not_available", "MODEL_DISABLED"),
        (PREFIX + "gone", "model_not_available", "MODEL_RETIRED"),
    ],
)
def test_refused(name: object, refusal: str, rule: str | None) -> None:
    asked = call(document={"model": name})
    given = refused_by(gate("eu"), asked)
    assert (given.name, given.rule, given.param) == (refusal, rule, "model")
    assert asked.region is None


@pytest.mark.parametrize(
    ("models", "projects", "named", "rule"),
    [
        (None, None, (), None),
        (None, None, (HERE, OTHER), None),
        ({MODEL}, None, (HERE,), None),
        ({MODEL, PREFIX + "x"}, {HERE, OTHER}, (HERE, OTHER), None),
        (None, {HERE}, (), None),
        (None, set(), (), None),
        (set(), None, (), "MODEL_PERMISSION"),
        ({PREFIX + "x"}, None, (), "MODEL_PERMISSION"),
        ({PREFIX + "x"}, {HERE}, (OTHER,), "MODEL_PERMISSION"),
        (None, {HERE}, (OTHER,), "PROJECT_PERMISSION"),
        (None, {HERE}, (HERE, OTHER), "PROJECT_PERMISSION"),
        ({MODEL}, set(), (HERE,), "PROJECT_PERMISSION"),
    ],
)
def test_permission(
    models: set[str] | None, projects: set[str] | None, named: tuple[str, ...], rule: str | None
) -> None:
    held = replace(
        SOMEONE,
        models=None if models is None else frozenset(models),
        projects=None if projects is None else frozenset(projects),
    )
    asked = call(caller=held, model=GPT, attribution=named)
    if rule is None:
        through(permit_model, asked)
        return
    given = refused_by(permit_model, asked)
    assert (given.name, given.rule) == ("model_permission_denied", rule)
    assert given.param == ("attribution" if given.rule == "PROJECT_PERMISSION" else "model")
    assert given.parameters == {"languageModelRid": MODEL}
