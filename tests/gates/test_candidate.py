"""A policy on trial: what it would decide otherwise of a call that the policy in force has judged."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.apis.table import body_policies
from addons.call import Call
from addons.foundry.catalogue import Catalogue
from addons.foundry.models import Model
from addons.foundry.refusals import Refusal
from addons.gates.candidate import Candidate
from addons.gates.policy import JudgeBody
from tests.conftest import MODEL
from tests.gates.calls import call, through
from tests.records import Records

SESSION = {"x-palantir-session-id": ("s",)}
DAILY = MODEL.replace("gpt-5-2", "gpt-5-5")
BODY = {"model": MODEL, "input": "Hello", "store": False}


def candidate(*, attested: bool = False, catalogue: Catalogue | None = None, **policy: Any) -> Candidate:
    settings = PolicySettings.model_validate(policy)
    return Candidate("hash", settings, body_policies(settings), catalogue or Catalogue(), attested)


def judged(headers: Any, rid: str, *, attested: bool = False, **policy: Any) -> Call:
    """A call that the policy in force has let through."""
    model: Model = Catalogue().find(rid, date(2026, 1, 1))
    asked = call(headers, document={**BODY, "model": rid}, body=b"{}", model=model, region="global")
    return through(JudgeBody(PolicySettings.model_validate(policy), attested=attested), asked)


@pytest.mark.parametrize(
    ("headers", "rid", "in_force", "tried", "differences"),
    [
        pytest.param(
            SESSION, MODEL, {}, {"prompt_cache_key": "session"}, ["changes COST prompt_cache_key added"],
            id="a cache for each session",
        ),
        pytest.param({}, MODEL, {}, {"prompt_cache_key": "session"}, [], id="where the call has none"),
        pytest.param(SESSION, MODEL, {}, {}, [], id="or where nobody asks for one"),
        pytest.param(SESSION, MODEL, *[{"prompt_cache_key": "session"}] * 2, [], id="the same for both"),
        pytest.param(
            {}, DAILY, {"attested": True}, {}, ["refuses ZERO_DATA_RETENTION model"], id="without the operator's word",
        ),
        pytest.param({}, DAILY, {"attested": True}, {"attested": True}, [], id="with it"),
    ],
)  # fmt: skip
def test_what_it_decides_otherwise(
    headers: Any, rid: str, in_force: dict[str, Any], tried: dict[str, Any], differences: list[str]
) -> None:
    trial = candidate(**tried).judge(judged(headers, rid, **in_force))
    assert trial
    assert not trial.failed
    assert list(map(str, trial.differences)) == differences


def test_a_model_that_would_leave_by_another_name() -> None:
    other = Model(rid=MODEL, provider_model="other", daily_cache=False)
    trial = candidate(catalogue=Catalogue([other])).judge(judged({}, MODEL))
    assert trial
    assert list(map(str, trial.differences)) == ["sends_otherwise MODEL global other"]


@pytest.mark.parametrize(
    ("refusal", "plain_names", "differences"),
    [
        pytest.param(Refusal("invalid_model", param="model"), True, ["lets_pass invalid_model model"], id="its model"),
        pytest.param(Refusal("invalid_model", param="model"), False, [], id="its model, and so would the candidate"),
        pytest.param(Refusal("missing_scope"), True, None, id="its caller"),
        pytest.param(None, True, None, id="nothing yet"),
    ],
)
def test_what_it_says_of_a_call_that_no_policy_judged(
    refusal: Refusal | None, plain_names: bool, differences: list[str] | None
) -> None:
    """Only where the model was at fault, which the candidate may know."""
    asked = call(document={**BODY, "model": "gpt-5.2"}, refusal=refusal)
    trial = candidate(catalogue=Catalogue(allow_plain_names=plain_names)).judge(asked)
    assert (trial and list(map(str, trial.differences))) == differences


def test_one_that_fails_says_why_in_the_log(records: Records) -> None:
    broken = replace(candidate(), policies={})
    trial = broken.judge(judged({}, MODEL))
    assert trial
    assert (trial.failed, trial.differences) == (True, ())
    (record,) = records.of("candidate_failed")
    assert isinstance(record["exc_info"], KeyError)
