"""What must hold of every API alike, whatever its tables say."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from addons.apis.policy_settings import ROWS, PolicySettings
from addons.apis.row_listing import Listed, listed
from addons.apis.table import APIS, at, likeliest
from addons.bodies.api import Api
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.row_names import named_rows, refusable
from addons.bodies.verdict import Json
from addons.foundry import paths
from addons.foundry.models import ApiName, Model
from addons.gates.route import SERVED

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False, output_cap=100)
LISTED = list(listed(PolicySettings()))

each = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)


def test_each_has_names_of_its_own_and_a_path_that_is_served() -> None:
    assert {api.name for api in APIS} <= set(get_args(ApiName.__value__))
    assert len({api.name for api in APIS}) == len({api.path for api in APIS}) == len(APIS)
    assert SERVED.keys() == paths.SERVED


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/responses", "responses"),
        ("/api/v2/llm/proxy/openai/v1/chat/completions", "chat_completions"),
        ("/v1//embeddings/?api-version=1", "embeddings"),
        ("/responses", "responses"),
        ("/v1/responses/resp_1", None),
        ("/v1/models?of=/responses", None),
        ("", None),
    ],
)
def test_the_api_of_a_path(path: str, name: str | None) -> None:
    found = at(path)
    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("body", "serving", "name"),
    [
        ({"model": "m", "input": "x", "instructions": "y"}, (), "responses"),
        ({"model": "m", "messages": []}, ("responses",), "chat_completions"),
        ({"model": "m", "input": "x", "dimensions": 3}, ("responses",), "embeddings"),
        ({"model": "m", "input": "x"}, ("embeddings",), "embeddings"),
        ({"model": "m", "input": "x"}, ("responses",), "responses"),
        ({"model": "m", "temperature": 1}, ("chat_completions",), "chat_completions"),
    ],
)
def test_the_likeliest_api_of_a_body_without_a_path(body: dict[str, Json], serving: tuple[str, ...], name: str) -> None:
    assert likeliest(body, serving).name == name


@each
def test_every_row_is_listed(api: Api) -> None:
    told = {row.name.removesuffix(" (named by tool_choice)") for row in LISTED if row.api == api.name}
    assert told == {name for name, _ in named_rows(api.request)}


@each
def test_every_row_that_may_refuse_can_be_named_in_the_configuration(api: Api) -> None:
    assert set(refusable(api.request)) <= ROWS


@pytest.mark.parametrize("row", LISTED, ids=lambda row: f"{row.api}: {row.name}")
def test_every_row_names_its_source_and_when_it_was_looked_at(row: Listed) -> None:
    assert row.source.title
    assert row.source.section
    assert row.source.checked <= datetime.now(UTC).date()
    assert row.reason
    assert row.decision == row.shipped
    if row.decision == "refuse":
        assert row.rule
        assert row.remedy
        assert row.setting.startswith("policy.")


@each
def test_an_unknown_field_is_refused(api: Api) -> None:
    verdict = BodyPolicy(api, PolicySettings()).judge({"model": "m", "a_field_of_next_year": 1}, MODEL)
    assert [finding.path for finding in verdict.refused] == ["a_field_of_next_year"]


@each
def test_a_body_that_says_nothing_may_take_no_more_than_the_models_row_allows(api: Api) -> None:
    members = BodyPolicy(api, PolicySettings()).judge({"model": "m"}, MODEL).members
    assert api.output_tokens(members) in {100, 0}
    assert api.output_tokens({"model": "m"}) in {None, 0}
    assert api.answers({}) == 1


@each
def test_nobody_is_named_to_the_provider(api: Api) -> None:
    named = {name: "somebody" for name in ("user", "safety_identifier") if name in api.request.rows}
    members = BodyPolicy(api, PolicySettings()).judge({"model": "m", **named}, MODEL).members
    assert {name for name, value in members.items() if value == "somebody"} == set()
    assert named.keys() <= members.keys()
