"""The shipped table, held to what must be true of every row and to what the contract names."""

import re
from typing import get_args

import pytest
from openai.types.shared.all_models import AllModels

from addons.foundry.models import Model
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX
from addons.foundry.shipped_models import DOCUMENTED, GUESSED, SEEN, SHIPPED

PAIRS = {
    "gpt-4-1": "gpt-4.1", "gpt-4-1-mini": "gpt-4.1-mini", "gpt-4-1-nano": "gpt-4.1-nano", "gpt-4-o": "gpt-4o",
    "gpt-5": "gpt-5", "gpt-5-mini": "gpt-5-mini", "gpt-5-nano": "gpt-5-nano", "gpt-5-pro": "gpt-5-pro",
    "gpt-5-codex": "gpt-5-codex", "gpt-5-1": "gpt-5.1", "gpt-5-1-codex": "gpt-5.1-codex",
    "gpt-5-1-codex-mini": "gpt-5.1-codex-mini", "gpt-5-2": "gpt-5.2", "gpt-5-3-codex": "gpt-5.3-codex",
    "gpt-5-4": "gpt-5.4", "gpt-5-4-mini": "gpt-5.4-mini", "gpt-5-4-nano": "gpt-5.4-nano", "gpt-5-5": "gpt-5.5",
    "o-3": "o3", "o-4-mini": "o4-mini",
}  # fmt: skip
ALL = {model.rid.removeprefix(LANGUAGE_MODEL_PREFIX): model for model in SHIPPED}
EMBEDDINGS = {locator: model for locator, model in ALL.items() if model.apis == ("embeddings",)}
BY_LOCATOR = {locator: model for locator, model in ALL.items() if locator not in EMBEDDINGS}
KEEP_FOR_A_DAY = {
    "gpt-5-5", "gpt-5-6-sol", "gpt-5-6-terra", "gpt-5-6-luna", "gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-6-1-sol",
    "gpt-6-1-terra", "gpt-6-2-astra", "gpt-6-2-sol",
}  # fmt: skip
REGIONS = {"global", "us", "eu", "ae", "au", "in", "jp"}


def _literals(union: object) -> set[str]:
    return {name for part in get_args(union) for name in ([part] if isinstance(part, str) else _literals(part))}


SDK_NAMES = _literals(AllModels)


def test_every_known_pair_is_there_once() -> None:
    assert len(ALL) == len(SHIPPED)
    assert {locator: BY_LOCATOR[locator].provider_model for locator in PAIRS} == PAIRS
    by_source = {
        source: {locator for locator, model in BY_LOCATOR.items() if model.source == source}
        for source in (DOCUMENTED, SEEN, GUESSED)
    }
    assert by_source == {
        DOCUMENTED: set(PAIRS),
        SEEN: {"gpt-5-6-sol", "gpt-5-6-terra", "gpt-5-6-luna", "gpt-6-1-sol"},
        GUESSED: {"gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-6-1-terra", "gpt-6-2-astra", "gpt-6-2-sol"},
    }


def test_a_locator_is_openais_name_with_dashes_but_for_the_oldest() -> None:
    odd = {locator for locator, model in BY_LOCATOR.items() if locator != str(model.provider_model).replace(".", "-")}
    assert odd == {"gpt-4-o", "o-3", "o-4-mini"}


@pytest.mark.parametrize("model", BY_LOCATOR.values(), ids=BY_LOCATOR)
def test_every_row(model: Model) -> None:
    assert model.provider_model
    assert set(model.regions) <= REGIONS
    undated = model.provider_model.startswith(("gpt-5.6", "gpt-6"))  # OpenAI lists them by name alone
    assert set(model.snapshot) == (set() if undated else set(model.regions) - {"global"})
    for dated in model.snapshot.values():
        assert re.fullmatch(re.escape(model.provider_model) + r"-20\d\d-\d\d-\d\d", dated)
    if model.context_window and model.max_output_tokens:
        assert model.max_output_tokens < model.context_window
    assert model.reasoning == (not model.provider_model.startswith("gpt-4"))
    assert model.enabled


def test_which_serve_the_responses_api_alone() -> None:
    alone = {locator for locator, model in BY_LOCATOR.items() if model.apis == ("responses",)}
    assert alone == {"gpt-5-pro", "gpt-5-codex", "gpt-5-1-codex", "gpt-5-1-codex-mini", "gpt-5-3-codex"}
    assert {model.apis for locator, model in BY_LOCATOR.items() if locator not in alone} == {
        ("responses", "chat_completions")
    }


def test_models_of_embeddings() -> None:
    assert {locator: (model.provider_model, model.source) for locator, model in EMBEDDINGS.items()} == {
        "text-embedding-ada-002_azure": ("text-embedding-ada-002", DOCUMENTED),
        "text-embedding-3-small_azure": ("text-embedding-3-small", SEEN),
        "text-embedding-3-large_azure": ("text-embedding-3-large", SEEN),
        "text-embedding-3-small": ("text-embedding-3-small", SEEN),
        "text-embedding-3-large": ("text-embedding-3-large", SEEN),
    }
    assert not any(model.keeps_prompts_for_a_day or model.reasoning for model in EMBEDDINGS.values())


def test_the_names_are_those_of_the_sdk_but_for_three_it_never_listed() -> None:
    names = {name for model in BY_LOCATOR.values() for name in (model.provider_model, *model.snapshot.values())}
    assert names - SDK_NAMES == {"gpt-5.3-codex", "gpt-5.1-codex-mini", "gpt-5.4-2026-03-05"}


def test_shutdown_dates() -> None:
    assert {locator: str(model.shutdown) for locator, model in BY_LOCATOR.items() if model.shutdown} == {
        "gpt-4-o": "2027-01-14", "gpt-4-1": "2027-01-14", "gpt-4-1-mini": "2027-01-14", "gpt-4-1-nano": "2026-10-23",
        "o-3": "2026-12-11", "o-4-mini": "2026-10-23", "gpt-5": "2026-12-11", "gpt-5-mini": "2026-12-11",
        "gpt-5-nano": "2026-12-11", "gpt-5-pro": "2026-12-11", "gpt-5-codex": "2026-07-23", "gpt-5-1": "2027-04-01",
        "gpt-5-1-codex": "2026-07-23", "gpt-5-1-codex-mini": "2026-07-23", "gpt-5-3-codex": "2027-04-01",
        "gpt-5-4-nano": "2027-04-01",
    }  # fmt: skip


def test_where_a_model_may_run() -> None:
    """Georestriction rests on it: two regions, but for those with more and those with none."""
    odd = {locator: model.regions[1:] for locator, model in BY_LOCATOR.items() if model.regions[1:] != ("us", "eu")}
    assert all(model.regions[0] == "global" for model in SHIPPED)
    assert odd == {
        "gpt-5-2": ("us", "eu", "ae"), "gpt-5-5": ("us", "eu", "ae"), "gpt-5-6-luna": ("us", "eu", "ae"),
        "gpt-5-codex": (), "gpt-5-1-codex": (), "gpt-5-1-codex-mini": (), "gpt-5-3-codex": (),
        "gpt-6-1-terra": (), "gpt-6-2-astra": (), "gpt-6-2-sol": (),
    }  # fmt: skip


def test_limits() -> None:
    odd = {
        locator: limits
        for locator, model in BY_LOCATOR.items()
        if (limits := (model.context_window, model.max_output_tokens)) != (400_000, 128_000)
    }
    assert odd == {
        "gpt-4-o": (128_000, 16_384), "gpt-4-1": (1_047_576, 32_768), "gpt-4-1-mini": (1_047_576, 32_768),
        "gpt-4-1-nano": (1_047_576, 32_768), "o-3": (200_000, 100_000), "o-4-mini": (200_000, 100_000),
        "gpt-5-pro": (400_000, 272_000), "gpt-5-4": (1_050_000, 128_000),
        **dict.fromkeys(KEEP_FOR_A_DAY, (1050000, 128000)),
    }  # fmt: skip


def test_which_keep_prompts_for_a_day() -> None:
    """From gpt-5.5 on OpenAI takes no other retention; no older model does so by itself."""
    assert {locator for locator, model in BY_LOCATOR.items() if model.keeps_prompts_for_a_day} == KEEP_FOR_A_DAY
    assert not any(BY_LOCATOR[locator].in_memory_cache for locator in KEEP_FOR_A_DAY)


def test_successors_are_models_that_are_not_retired_before() -> None:
    by_name = {model.provider_model: model for model in SHIPPED}
    named = {model.successor: model.shutdown for model in SHIPPED if model.successor}
    assert len(named) >= 8
    for successor, day in named.items():
        after = by_name[successor].shutdown
        assert day
        assert after is None or after > day
    assert all(model.shutdown for model in SHIPPED if model.successor)


def test_which_may_be_told_to_keep_their_cache_in_memory() -> None:
    assert {locator for locator, model in BY_LOCATOR.items() if model.in_memory_cache} == {
        "gpt-4-1", "gpt-5", "gpt-5-codex", "gpt-5-1", "gpt-5-1-codex", "gpt-5-1-codex-mini", "gpt-5-2", "gpt-5-4",
    }  # fmt: skip


def test_what_the_example_of_foundrys_page_becomes() -> None:
    model = BY_LOCATOR["gpt-5-2"]
    assert model.snapshot == dict.fromkeys(("us", "eu", "ae"), "gpt-5.2-2025-12-11")
