"""Hashes that a record is matched by with a file: what makes them differ, and what does not."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from addons.configuration.fingerprint import changed_keys, configuration_hash, judged_by, policy_hash
from addons.configuration.loading import load
from addons.configuration.settings import Settings
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX as RI

PLAIN: dict[str, Any] = {
    "caller": {"verifier": "development"},
    "provider": {"regions": {"global": {"api_key": {"env": "X"}}}},
}


def settings(**sections: Any) -> Settings:
    return Settings.model_validate(
        {**PLAIN, **{name: {**PLAIN.get(name, {}), **keys} for name, keys in sections.items()}}
    )


REGIONS = {"global": {"api_key": {"env": "X"}}, "eu": {"api_key": {"env": "Y"}}}

# what is written, whether the policy is another by it; the configuration is in all of them
CHANGES: dict[str, tuple[dict[str, Any], bool]] = {
    "a choice": ({"policy": {"web_search": "strip"}}, True),
    "a row that warns": ({"policy": {"rules": {"tool.mcp": "warn"}}}, True),
    "all that warns": ({"policy": {"mode": "warn"}}, True),
    "a larger body": ({"policy": {"max_body_bytes": 1000}}, True),
    "a name for each caller": ({"policy": {"safety_identifier": {"env": "K"}}}, True),
    "a model that may keep prompts": ({"policy": {"models_with_daily_cache": [f"{RI}gpt-5-5"]}}, True),
    "a model switched off": ({"models": {"extra": [{"rid": f"{RI}gpt-5-2", "enabled": False}]}}, True),
    "plain names": ({"models": {"allow_plain_names": True}}, True),
    "another region": ({"provider": {"regions": REGIONS, "allowed_regions": ["eu"]}}, True),
    "the word for zero data retention": ({"provider": {"zero_data_retention": "attested"}}, True),
    "prices": ({"prices": {f"{RI}gpt-5-2": {"input": 1, "output": 2}}}, False),
    "where it listens": ({"listen": {"reverse": "127.0.0.1:9000"}}, False),
    "another key": ({"provider": {"regions": {"global": {"api_key": {"env": "Z"}}}}}, False),
    "when sources are old": ({"policy": {"review_days": 10}}, False),
}


@pytest.mark.parametrize(("change", "judges"), CHANGES.values(), ids=CHANGES)
def test_what_makes_another(change: dict[str, Any], judges: bool) -> None:
    before, after = settings(), settings(**change)
    assert (policy_hash(before) != policy_hash(after)) == judges
    assert configuration_hash(before) != configuration_hash(after)


def test_which_word_attests_is_no_other_policy() -> None:
    signed = {"by": "Ada", "date": "2026-05-01", "reference": "T-1"}
    plain, full = (settings(provider={"zero_data_retention": word}) for word in ("attested", signed))
    assert policy_hash(plain) == policy_hash(full)
    assert [judged_by(each)["provider.zero_data_retention"] for each in (plain, full, settings())] == [
        "attested",
        "attested",
        "not attested",
    ]


def test_the_same_file_elsewhere_and_in_another_spelling_is_the_same(tmp_path: Path) -> None:
    text = """\
caller: {verifier: registry, registry: {file: tokens.yaml}}
provider: {regions: {global: {api_key: {file: keys/openai}}}}
policy: {max_body_bytes: 1000, web_search: strip}
"""
    spelled = """\
# the same
policy:
  web_search: "strip"
  max_body_bytes: 1_000
provider:
  regions:
    global: {api_key: {file: keys/openai}}
caller:
  verifier: registry
  registry:
    file: tokens.yaml
"""
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "one/sidecar.yaml").write_text(text)
    shutil.copy(tmp_path / "one/sidecar.yaml", tmp_path / "other/sidecar.yaml")
    (tmp_path / "spelled.yaml").write_text(spelled)
    one, *others = (load(tmp_path / name) for name in ("one/sidecar.yaml", "other/sidecar.yaml", "spelled.yaml"))
    assert {str(judged_by(each)) for each in others} == {str(judged_by(one))}
    assert one.caller.registry
    assert one.caller.registry.file == tmp_path / "one/tokens.yaml", "and its paths still lead from where it lies"


def test_a_secret_is_in_it_by_its_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    before = configuration_hash(settings())
    monkeypatch.setenv("X", "sk-secret")
    assert configuration_hash(settings()) == before


def test_which_keys_changed() -> None:
    new = settings(
        policy={"web_search": "strip", "rules": {"tool.mcp": "warn"}},
        provider={"zero_data_retention": {"by": "Ada", "date": "2026-05-01", "reference": "T-1"}},
    )
    assert changed_keys(settings(), new) == [
        "provider.zero_data_retention",
        "policy.rules.tool.mcp",
        "policy.web_search",
    ]
    assert changed_keys(new, new) == []


def test_a_row_that_names_the_default_is_another_where_the_shipped_row_says_otherwise() -> None:
    rid = f"{RI}gpt-5-2"
    one, other = (settings(models={"extra": [row]}) for row in ({"rid": rid}, {"rid": rid, "reasoning": False}))
    assert policy_hash(one) != policy_hash(other)
    assert configuration_hash(one) != configuration_hash(other)
    assert changed_keys(one, other) == ["models.extra"]
