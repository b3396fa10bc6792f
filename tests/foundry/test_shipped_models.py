"""The shipped table, held to what must be true of every row and to what the contract names."""

import re
from datetime import date
from typing import get_args

import pytest
from openai.types.shared.all_models import AllModels

from addons.foundry.models import Model
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX
from addons.foundry.shipped_models import SHIPPED

PAIRS = {
    "gpt-4-1": "gpt-4.1", "gpt-4-1-mini": "gpt-4.1-mini", "gpt-4-1-nano": "gpt-4.1-nano", "gpt-4-o": "gpt-4o",
    "gpt-5": "gpt-5", "gpt-5-mini": "gpt-5-mini", "gpt-5-nano": "gpt-5-nano", "gpt-5-pro": "gpt-5-pro",
    "gpt-5-codex": "gpt-5-codex", "gpt-5-1": "gpt-5.1", "gpt-5-1-codex": "gpt-5.1-codex",
    "gpt-5-1-codex-mini": "gpt-5.1-codex-mini", "gpt-5-2": "gpt-5.2", "gpt-5-3-codex": "gpt-5.3-codex",
    "gpt-5-4": "gpt-5.4", "gpt-5-4-mini": "gpt-5.4-mini", "gpt-5-4-nano": "gpt-5.4-nano", "gpt-5-5": "gpt-5.5",
    "o-3": "o3", "o-4-mini": "o4-mini",
}  # fmt: skip
BY_LOCATOR = {model.rid.removeprefix(LANGUAGE_MODEL_PREFIX): model for model in SHIPPED}
REGIONS = {"global", "us", "eu", "ae", "au", "in", "jp"}


def _literals(union: object) -> set[str]:
    return {name for part in get_args(union) for name in ([part] if isinstance(part, str) else _literals(part))}


SDK_NAMES = _literals(AllModels)


def test_every_known_pair_is_there_once() -> None:
    assert len(BY_LOCATOR) == len(SHIPPED)
    assert {locator: BY_LOCATOR[locator].provider_model for locator in PAIRS} == PAIRS


@pytest.mark.parametrize("model", SHIPPED, ids=BY_LOCATOR)
def test_every_row(model: Model) -> None:
    assert model.provider_model
    assert set(model.regions) <= REGIONS
    assert set(model.snapshot) == set(model.regions) - {"global"}
    for dated in model.snapshot.values():
        assert re.fullmatch(re.escape(model.provider_model) + r"-20\d\d-\d\d-\d\d", dated)
    if model.context_window and model.max_output_tokens:
        assert model.max_output_tokens < model.context_window
    assert model.reasoning == (not model.provider_model.startswith("gpt-4"))
    assert model.enabled


def test_the_names_are_those_of_the_sdk_but_for_three_it_never_listed() -> None:
    names = {name for model in SHIPPED for name in (model.provider_model, *model.snapshot.values())}
    assert names - SDK_NAMES == {"gpt-5.3-codex", "gpt-5.1-codex-mini", "gpt-5.4-2026-03-05"}


@pytest.mark.parametrize(
    ("locator", "shutdown"),
    [
        ("gpt-4-1-nano", date(2026, 10, 23)), ("o-4-mini", date(2026, 10, 23)), ("gpt-4-o", date(2027, 1, 14)),
        ("gpt-5", date(2026, 12, 11)), ("gpt-5-mini", date(2026, 12, 11)), ("gpt-5-nano", date(2026, 12, 11)),
        ("o-3", date(2026, 12, 11)), ("gpt-5-1", date(2027, 4, 1)), ("gpt-5-2", None),
    ],
)  # fmt: skip
def test_shutdown_dates(locator: str, shutdown: date | None) -> None:
    assert BY_LOCATOR[locator].shutdown == shutdown


def test_what_the_example_of_foundrys_page_becomes() -> None:
    model = BY_LOCATOR["gpt-5-2"]
    assert model.regions == ("global", "us", "eu", "ae")
    assert set(model.snapshot.values()) == {"gpt-5.2-2025-12-11"}
    assert (model.context_window, model.max_output_tokens) == (400_000, 128_000)
    assert model.in_memory_cache


def test_models_that_only_keep_their_cache_for_a_day_are_not_asked_for_less() -> None:
    assert not any(
        model.in_memory_cache for locator, model in BY_LOCATOR.items() if locator.startswith(("gpt-5-5", "gpt-5-6"))
    )
