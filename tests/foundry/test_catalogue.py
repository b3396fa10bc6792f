"""Names as callers write them, on a day when some models are gone already."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from addons.foundry.catalogue import Catalogue
from addons.foundry.models import Model
from addons.foundry.refusals import Refusal
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX as RI
from addons.foundry.shipped_models import SHIPPED

TODAY = date(2026, 11, 23)
OWN = Model(
    rid="ri.language-model-service.main.language-model.own.v2", provider_model="ft:gpt-4.1:acme", regions=("eu",)
)
OFF = Model(rid=RI + "gpt-5-4", provider_model="gpt-5.4", enabled=False)
EUROPE = Catalogue(allowed_regions=["eu"])
ELSEWHERE = Model(rid=RI + "custom-claude")


def refusal(name: object, catalogue: Catalogue | None = None, today: date = TODAY) -> Refusal:
    with pytest.raises(Refusal) as caught:
        (catalogue or Catalogue()).find(name, today)
    assert caught.value.param == "model"
    return caught.value


def test_found_by_its_rid() -> None:
    assert Catalogue().find(RI + "gpt-5-2", TODAY).provider_model == "gpt-5.2"
    assert Catalogue(extra=[OWN], allowed_regions=["eu"]).find(OWN.rid, TODAY).provider_model == OWN.provider_model


@pytest.mark.parametrize("name", ["gpt-5.2", "gpt-5.2-2025-12-11", "gpt-5-2"])
def test_found_by_a_plain_name_only_where_that_is_allowed(name: str) -> None:
    assert Catalogue(allow_plain_names=True).find(name, TODAY).rid == RI + "gpt-5-2"
    assert refusal(name).name == "invalid_model"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (None, "'model' is missing"),
        (3, "'model' is not a string"),
        (["gpt-5.2"], "'model' is not a string"),
        ("", "'' is not a resource identifier"),
        ("gpt-5.2", f"Did you mean {RI}gpt-5-2?"),
        ("gpt-5.2-2025-12-11", f"Did you mean {RI}gpt-5-2?"),
        ("openai/gpt-5.2", f"Did you mean {RI}gpt-5-2?"),
        ("GPT-5.2", f"Did you mean {RI}gpt-5-2?"),
        ("gpt5.2", f"Did you mean {RI}gpt-5-2?"),
        ("gpt-4o", f"Did you mean {RI}gpt-4-o?"),
        ("o4-mini", f"Did you mean {RI}o-4-mini?"),  # shut down: asking for it by its RID says so
        ("gpt 5_2", f"Did you mean {RI}gpt-5-2?"),
        ("gpt-5.4-minni", f"Did you mean {RI}gpt-5-4-mini?"),
        ("gpt-6.1-soll", f"Did you mean {RI}gpt-6-1-sol?"),
        # another number, or another word, is another model
        ("gpt-4o-mini", "Foundry's Model Catalog lists"),
        ("gpt-6-terra", "Foundry's Model Catalog lists"),
        ("gpt-5.2-codex", "Foundry's Model Catalog lists"),
        ("gpt-5.3", "Foundry's Model Catalog lists"),
        ("gpt-5.22", "Foundry's Model Catalog lists"),
        ("gpt-52", "Foundry's Model Catalog lists"),
        ("gpt-7-sol", "Foundry's Model Catalog lists"),
        ("o5-mini", "Foundry's Model Catalog lists"),
        ("gpt", "Foundry's Model Catalog lists"),
        ("claude-opus-5", "Foundry's Model Catalog lists"),
        (f" {RI}gpt-5-2", "is not a resource identifier"),
        ("x\n" + "y" * 500, "'x?" + "y" * 61 + "…'"),
    ],
)
def test_no_rid(name: object, said: str) -> None:
    refused = refusal(name)
    assert refused.name == "invalid_model"
    assert said in refused.message
    assert len(refused.message) < 300


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("gpt-5.2", f"not a resource identifier (RID). Did you mean {RI}gpt-5-2?"),
        ("my-secret-model", "not a resource identifier (RID). Foundry's Model Catalog lists the RIDs."),
    ],
)
def test_what_a_record_says_of_it_quotes_nothing(name: str, detail: str) -> None:
    refused = refusal(name)
    assert name in refused.message
    assert refused.detail == detail


@pytest.mark.parametrize(
    ("rid", "said"),
    [
        (RI + "gpt-5-22", "Foundry's Model Catalog lists"),
        (RI + "gpt-6-3-astra", "Foundry's Model Catalog lists"),
        (RI + "gpt-5.2", f"Did you mean {RI}gpt-5-2?"),
        (RI + "embedder", "Foundry's Model Catalog lists"),
        ("ri.foundry.main.dataset.b", "Foundry's Model Catalog lists"),
        ("ri.foundry.main.dataset.claude-3", "Foundry's Model Catalog lists"),
    ],
)
def test_an_unknown_rid(rid: str, said: str) -> None:
    refused = refusal(rid)
    assert (refused.name, refused.parameters) == ("model_not_found", {"modelId": rid})
    assert said in refused.message


@pytest.mark.parametrize(
    ("rid", "catalogue", "rule", "said"),
    [
        # locators seen in Foundry's Model Catalog
        (RI + "anthropic-claude-4-sonnet", Catalogue(), "OTHER_PROVIDER", "Backend not supported for OpenAI proxy"),
        (RI + "gemini-2-5-pro", Catalogue(), "OTHER_PROVIDER", "Backend not supported for OpenAI proxy"),
        (RI + "grok-4-3", Catalogue(), "OTHER_PROVIDER", "Backend not supported for OpenAI proxy"),
        (RI + "claude-4-opus", Catalogue(), "OTHER_PROVIDER", "Backend not supported for OpenAI proxy"),
        (RI + "llama-4-scout", Catalogue(), "OTHER_PROVIDER", "Backend not supported for OpenAI proxy"),
        (RI + "mistral-large", Catalogue(), "OTHER_PROVIDER", "Backend not supported for OpenAI proxy"),
        (ELSEWHERE.rid, Catalogue([ELSEWHERE]), "OTHER_PROVIDER", "Backend not supported for OpenAI proxy"),
        (OFF.rid, Catalogue([OFF]), "MODEL_DISABLED", "switched off"),
        (RI + "gpt-4-1-nano", Catalogue(), "MODEL_RETIRED", "OpenAI shut it down on 2026-10-23"),
        (RI + "gpt-5-3-codex", EUROPE, "GEORESTRICTION", "global alone, and this sidecar is held to eu"),
        (OWN.rid, Catalogue([OWN]), "GEORESTRICTION", "eu alone, and this sidecar is held to global"),
    ],
)  # fmt: skip
def test_not_available(rid: str, catalogue: Catalogue, rule: str, said: str) -> None:
    refused = refusal(rid, catalogue)
    assert (refused.name, refused.rule) == ("model_not_available", rule)
    assert refused.parameters == {"languageModelRid": rid}
    assert said in refused.message
    assert rid in refused.message


def test_a_plain_name_is_held_to_the_same_rules() -> None:
    assert refusal("gpt-4.1-nano", Catalogue(allow_plain_names=True)).name == "model_not_available"


def test_a_shutdown_counts_from_its_first_day() -> None:
    rid = RI + "gpt-5"
    assert Catalogue().find(rid, date(2026, 12, 10)).rid == rid
    assert refusal(rid, today=date(2026, 12, 11)).rule == "MODEL_RETIRED"


def test_near_misses_are_of_models_in_use() -> None:
    assert f"Did you mean {OFF.rid}?" in refusal("gppt-5.4").message
    assert f"Did you mean {OFF.rid}?" not in refusal("gppt-5.4", Catalogue([OFF])).message


@pytest.mark.parametrize("model", SHIPPED, ids=lambda model: model.provider_model)
def test_a_misspelt_name_is_taken_for_no_other_models(model: Model) -> None:
    """Not even where that other alone is in use."""
    for other in SHIPPED:
        off = [row.model_copy(update={"enabled": False}) for row in SHIPPED if row is not other]
        message = refusal(f"{model.provider_model}z", Catalogue(off)).message
        assert (f"Did you mean {other.rid}?" in message) <= (other.provider_model == model.provider_model)


@pytest.mark.parametrize(
    ("rid", "said"),
    [
        (RI + "gpt-4-1-nano", f"and names gpt-5.6-luna in its place ({RI}gpt-5-6-luna)."),
        (RI + "gpt-5", f"and names gpt-6.1-sol in its place ({RI}gpt-6-1-sol)."),
        (RI + "gpt-5-1-codex", "OpenAI shut it down on 2026-07-23."),
    ],
)
def test_what_is_retired_names_its_successor_where_openai_does(rid: str, said: str) -> None:
    assert said in refusal(rid, today=date(2026, 12, 20)).message


def test_a_successor_of_ones_own_is_named_as_written() -> None:
    gone = Model(rid=RI + "old", provider_model="old", shutdown=TODAY, successor="unheard-of")
    assert refusal(gone.rid, Catalogue([gone])).message.endswith("names unheard-of in its place.")


def test_regions_in_which_no_model_may_be_used() -> None:
    """OpenAI stores in au, in and jp, and processes elsewhere."""
    assert Catalogue(allowed_regions=["global", "jp", "eu", "au", "in", "ae"]).unused_regions() == ("jp", "au", "in")
    local = Model(rid=RI + "local", provider_model="local", regions=("jp",))
    assert Catalogue([local], allowed_regions=["jp", "au"]).unused_regions() == ("au",)


def test_an_extra_row_lies_over_the_shipped_one() -> None:
    mine = Model(rid=RI + "gpt-5-2", provider_model="gpt-5.2-acme")
    catalogue = Catalogue([mine], allow_plain_names=True)
    assert catalogue.find(mine.rid, TODAY).provider_model == "gpt-5.2-acme"
    assert catalogue.find(mine.rid, TODAY).in_memory_cache
    assert catalogue.find("gpt-5.2-acme", TODAY).rid == mine.rid
    assert refusal("gpt-5.2", catalogue).name == "invalid_model"


def test_regions_come_in_the_order_configuration_prefers_them() -> None:
    catalogue = Catalogue(allowed_regions=["jp", "eu", "global"])
    model = catalogue.find(RI + "gpt-5-2", TODAY)
    assert catalogue.regions_for(model) == ("eu", "global")


def test_a_model_of_ones_own_is_asked_by_the_apis_that_answer_in_words() -> None:
    assert OWN.apis == ("responses", "chat_completions")


def test_available() -> None:
    rows = {model.rid: regions for model, regions in Catalogue([OFF, OWN, ELSEWHERE]).available(TODAY)}
    assert rows[RI + "gpt-5-2"] == ("global",)
    gone = {model.rid for model in SHIPPED if model.shutdown and model.shutdown <= TODAY}
    assert gone
    assert rows.keys() & {OFF.rid, OWN.rid, ELSEWHERE.rid, *gone} == set()
    assert len(rows) == len(SHIPPED) - len(gone) - 1


def test_warnings_name_what_ends_within_sixty_days_and_is_in_use() -> None:
    ends = [
        Model(rid=f"{RI}ends-{day}", provider_model="x", shutdown=date.fromisoformat(day))
        for day in ("2027-01-23", "2027-01-22", "2026-11-24", "2026-11-23")
    ]
    warned = Catalogue(ends).warnings(TODAY)
    assert [model.rid for model in warned if "ends" in model.rid] == [RI + "ends-2026-11-24", RI + "ends-2027-01-22"]
    assert RI + "gpt-5" in {model.rid for model in warned}
    assert list(warned) == sorted(warned, key=lambda model: model.shutdown or TODAY)
    assert Catalogue(ends, allowed_regions=["jp"]).warnings(TODAY) == ()


@pytest.mark.parametrize(
    "wrong",
    [{"rid": "gpt-5"}, {"rid": " ri.a..b.c"}, {"anything": 1}, {"output_cap": 0}, {"context_window": 0}],
    ids=str,
)
def test_a_row_that_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Model(**{"rid": "ri.a..b.c", **wrong})


@pytest.mark.parametrize(
    ("row", "keeps"),
    [
        ({}, True),
        ({"daily_cache": False}, False),
        ({"in_memory_cache": True}, False),
        ({"in_memory_cache": True, "daily_cache": True}, False),
    ],
    ids=str,
)
def test_prompts_stay_for_a_day_where_no_row_says_otherwise(row: dict[str, Any], keeps: bool) -> None:
    assert Model(**{"rid": "ri.a..b.c", **row}).keeps_prompts_for_a_day is keeps


def test_a_row_says_nothing_that_is_not_written() -> None:
    Model(rid="ri.a..b.c", context_window=1, max_output_tokens=1, output_cap=1, default_output_tokens=1)
    row = Model(rid="ri.a..b.c")
    assert (row.provider_model, row.reasoning, row.in_memory_cache, row.enabled) == (None, False, False, True)
    assert row.keeps_prompts_for_a_day, "what is not known is held to the strict side"
    with pytest.raises(ValidationError):
        row.rid = "ri.a..b.d"  # type: ignore[misc]  # that is what is tried
