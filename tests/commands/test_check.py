"""`check` and `schema`."""

import json
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from addons.configuration.fingerprint import judged_by, policy_hash
from addons.configuration.loading import load
from tests.commands.program import run, write_yaml

KEY = {"OPENAI_API_KEY": "sk-key"}


@pytest.fixture(scope="module")
def checked() -> subprocess.CompletedProcess[str]:
    """`check` without a file, which each test reads its part of."""
    return run("check", env=KEY)


@pytest.fixture(scope="module")
def schema() -> subprocess.CompletedProcess[str]:
    return run("schema")


def test_development_mode_in_force(checked: subprocess.CompletedProcess[str]) -> None:
    assert (checked.returncode, checked.stderr) == (0, "")
    settings = YAML(typ="safe").load(checked.stdout.partition("\n# models")[0])
    assert settings["caller"]["verifier"] == "development"
    assert settings["policy"]["mode"] == "enforce"
    assert "ri.language-model-service..language-model.gpt-5-2 -> gpt-5.2 (global)" in checked.stdout


def test_what_check_prints_can_be_used_as_a_file(checked: subprocess.CompletedProcess[str], tmp_path: Path) -> None:
    file = tmp_path / "printed.yaml"
    file.write_text(checked.stdout.partition("\n# models")[0])
    assert run("check", "--config", str(file), env=KEY).returncode == 0


def test_overrides_show(tmp_path: Path) -> None:
    ended = run("check", "--set", "policy.store_true=coerce", env={**KEY, "SIDECAR_LISTEN__REVERSE": "127.0.0.1:9123"})
    assert "store_true: coerce" in ended.stdout
    assert "127.0.0.1:9123" in ended.stdout


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        (
            "null",
            "connections to the provider go directly; to use a proxy, write provider.proxy; HTTPS_PROXY in",
        ),
        (
            '"http://p.example:3128"',
            "connections to the provider go through http://p.example:3128, as provider.proxy says; HTTPS",
        ),
    ],
)
def test_the_way_out_in_force_is_said(tmp_path: Path, proxy: str, words: str) -> None:
    document = {
        "provider": {"proxy": json.loads(proxy), "regions": {"global": {"api_key": {"env": "OPENAI_API_KEY"}}}},
        "caller": {"verifier": "development"},
    }
    config = str(write_yaml(tmp_path / "sidecar.yaml", document))
    ended = run("check", "--config", config, env={**KEY, "HTTPS_PROXY": "http://elsewhere.example:1"})
    assert f"# {words}" in ended.stdout
    assert "elsewhere" not in ended.stdout
    elsewhere = run("check", "--no-files", "--config", config, env={"HTTPS_PROXY": "http://elsewhere.example:1"})
    assert "HTTPS_PROXY" not in elsewhere.stdout


def test_secrets_stay_references(tmp_path: Path) -> None:
    ended = run("check", env={"OPENAI_API_KEY": "sk-must-not-show"})
    assert "sk-must-not-show" not in ended.stdout
    assert "OPENAI_API_KEY" in ended.stdout


def test_that_nothing_is_limited_is_pointed_out(checked: subprocess.CompletedProcess[str]) -> None:
    note = "no limits of tokens or requests a minute"
    assert note in checked.stdout
    limited = run("check", "--set", 'limits.user={"default": {"requests_per_minute": 1}}', env=KEY)
    assert (limited.returncode, note in limited.stdout) == (0, False)


def test_a_host_that_is_not_the_documented_one_is_pointed_out(tmp_path: Path) -> None:
    region = {"url": "https://gateway.example/v1", "api_key": {"env": "X"}}
    document = {"caller": {"verifier": "development"}, "provider": {"regions": {"global": region}}}
    ended = run("check", "--no-files", "--config", str(write_yaml(tmp_path / "sidecar.yaml", document)))
    assert "not OpenAI's documented host" in ended.stdout


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "(its address by DNS, port 443)"),
        ({"addresses": {"acme.palantirfoundry.com": "10.0.0.1:8443"}}, "(10.0.0.1:8443)"),
        ({"other_paths": "refuse"}, ""),
    ],
)
def test_that_other_paths_are_passed_on_is_pointed_out(tmp_path: Path, more: dict[str, object], told: str) -> None:
    document = {
        "caller": {"verifier": "development"},
        "provider": {"regions": {"global": {"api_key": {"env": "X"}}}},
        "foundry": {"hostnames": ["acme.palantirfoundry.com"], "other_paths": "forward", **more},
    }
    ended = run("check", "--no-files", "--config", str(write_yaml(tmp_path / "sidecar.yaml", document)))
    note = f"# note: other paths of acme.palantirfoundry.com are forwarded to Foundry {told}"
    assert (ended.returncode, note in ended.stdout) == (0, bool(told))


@pytest.mark.parametrize("section", ["listen", "foundry", "provider", "caller", "models", "policy", "limits", "log"])
def test_the_schema_describes_every_section(schema: subprocess.CompletedProcess[str], section: str) -> None:
    described = json.loads(schema.stdout)
    assert section in described["properties"]
    assert described["additionalProperties"] is False


def test_a_region_where_no_model_runs_is_pointed_out(tmp_path: Path) -> None:
    provider = {
        "regions": {region: {"api_key": {"env": "X"}} for region in ("global", "jp", "au")},
        "allowed_regions": ["global", "jp", "au"],
    }
    document = {"caller": {"verifier": "development"}, "provider": provider}
    ended = run("check", "--no-files", "--config", str(write_yaml(tmp_path / "sidecar.yaml", document)))
    assert ended.returncode == 0
    for region in ("jp", "au"):
        assert f"# note: no model may be used in region {region}:" in ended.stdout


def test_models_that_keep_prompts_for_a_day_are_pointed_out(checked: subprocess.CompletedProcess[str]) -> None:
    (refused,) = [line for line in checked.stdout.splitlines() if "and are refused" in line]
    assert "gpt-5-5, gpt-5-6-sol" in refused
    attested = run("check", "--no-files", "--set", "provider.zero_data_retention=attested").stdout
    assert "and are refused" not in attested
    assert "they are served, since provider.zero_data_retention is attested: gpt-5-5" in attested
    rid = "ri.language-model-service..language-model.gpt-5-5"
    listed = run("check", "--no-files", "--set", f'policy.models_with_daily_cache=["{rid}"]').stdout
    assert "they are served, since policy lists them: gpt-5-5\n" in listed
    (refused,) = [line for line in listed.splitlines() if "and are refused" in line]
    assert "gpt-5-5," not in refused


def test_guessed_rids_are_pointed_out(checked: subprocess.CompletedProcess[str]) -> None:
    (guessed,) = [line for line in checked.stdout.splitlines() if "are guessed" in line]
    assert guessed.endswith("gpt-6-astra, gpt-6-sol, gpt-6-luna, gpt-6-1-terra, gpt-6-2-astra, gpt-6-2-sol")


def test_who_checks_callers_and_what_opens_the_provider_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokens.yaml").write_text("[]")
    (tmp_path / "token").write_text("the-pods-own")
    jwt = {"issuer": "https://a.example", "audience": "sidecar", "jwks_url": "https://a.example/keys"}
    identity = {"identity_provider_id": "wip_1", "service_account_id": "sa_1", "token_file": "token"}
    document = {
        "caller": {"verifier": ["jwt", "registry"], "jwt": [jwt], "registry": {"file": "tokens.yaml"}},
        "provider": {
            "regions": {"global": {"identity": identity}, "eu": {"api_key": {"env": "EU_KEY"}}},
            "allowed_regions": ["eu", "global"],
        },
    }
    ended = run("check", "--config", str(write_yaml(tmp_path / "sidecar.yaml", document)), env={"EU_KEY": "sk-key"})
    assert ended.returncode == 0, ended.stderr
    assert "# callers are checked by: jwt, then registry\n" in ended.stdout
    assert "# region eu uses a static key, environment variable EU_KEY\n" in ended.stdout
    assert f"# region global uses workload identity: {tmp_path}/token is exchanged at https" in ended.stdout
    assert "the-pods-own" not in ended.stdout


EXAMPLE = {
    "caller": {"verifier": "registry", "registry": {"file": "nowhere/tokens.yaml"}},
    "provider": {"regions": {"global": {"api_key": {"file": "nowhere/key"}}}, "trusted_ca": "nowhere/ca.pem"},
    "limits": {"storage": {"env": "NO_SUCH_STORE"}},
}


def test_off_the_machine_it_is_for_it_says_what_it_did_not_look_at(tmp_path: Path) -> None:
    config = str(write_yaml(tmp_path / "sidecar.yaml", EXAMPLE))
    ended = run("check", "--no-files", "--config", config)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line for line in ended.stdout.splitlines() if "not looked at" in line] == [
        f"# not looked at: provider.regions.global.api_key: file {tmp_path}/nowhere/key",
        "# not looked at: limits.storage: environment variable NO_SUCH_STORE",
        f"# not looked at: provider.trusted_ca: file {tmp_path}/nowhere/ca.pem",
        f"# not looked at: caller.registry.file: file {tmp_path}/nowhere/tokens.yaml",
    ]


@pytest.mark.parametrize("command", ["check", "start"])
def test_there_is_a_line_for_each_that_is_not_there(tmp_path: Path, command: str) -> None:
    ended = run(command, "--config", str(write_yaml(tmp_path / "sidecar.yaml", EXAMPLE)))
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()[1:]
    for line, key in zip(
        lines,
        ("provider.regions.global.api_key", "limits.storage", "provider.trusted_ca", "caller.registry.file"),
        strict=True,
    ):
        assert line.startswith(f"{tmp_path}/sidecar.yaml:")
        assert f": {key}: " in line


@pytest.mark.parametrize("command", ["check", "start"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://a:hunter2@db.example/u", "off this machine the server must be verified"),
        ("mysql://a:hunter2@127.0.0.1/u", "names no user, host and database"),
        ("postgresql://a:hunter2@127.0.0.1/u?options=-c", "takes no parameters but"),
    ],
)
def test_a_wrong_url_of_the_shared_ledger_by_reference(tmp_path: Path, command: str, url: str, says: str) -> None:
    document = {
        "caller": {"verifier": "development"},
        "provider": {"regions": {"global": {"api_key": {"env": "OPENAI_API_KEY"}}}},
        "usage": {"shared": {"env": "USAGE_URL"}},
    }
    config = str(write_yaml(tmp_path / "sidecar.yaml", document))
    ended = run(command, "--config", config, env={**KEY, "USAGE_URL": url})
    assert ended.returncode == 2
    assert f"usage.shared: what it refers to {says}" in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr


def test_what_differs_from_the_shipped_catalogue_is_said(tmp_path: Path) -> None:
    rid = "ri.language-model-service..language-model."
    switched_off = {"rid": rid + "gpt-5-2", "enabled": False}
    document = {
        "caller": {"verifier": "development"},
        "provider": {"regions": {"global": {"api_key": {"env": "X"}}}, "allowed_regions": ["global"]},
        "models": {"extra": [switched_off, {"rid": rid + "gpt-5-4", "prices": {"input": 1, "output": 2}}]},
        "prices": {rid + "gpt-5-9": {"input": 1, "output": 2}},
    }
    ended = run("check", "--no-files", "--config", str(write_yaml(tmp_path / "sidecar.yaml", document)))
    assert f"# note: {rid}gpt-5-2 differs from the shipped catalogue: enabled is False, shipped True" in ended.stdout
    assert f"# note: models.extra: write the prices of {rid}gpt-5-4 under prices" in ended.stdout
    assert f"# note: prices: {rid}gpt-5-9 is no model of the catalogue" in ended.stdout
    assert "gpt-5-4 differs" not in ended.stdout
    assert YAML(typ="safe").load(ended.stdout.partition("\n# models")[0])["models"]["extra"] == [
        switched_off,
        {"rid": rid + "gpt-5-4", "prices": [{"input": 1, "output": 2}]},
    ]


def test_that_configurations_share_a_ledger_is_pointed_out(checked: subprocess.CompletedProcess[str]) -> None:
    assert "which every configuration with these listen.certificates shares" in checked.stdout
    assert "shares" not in run("check", "--set", "usage.ledger=off", env=KEY).stdout


def test_what_a_ledger_in_memory_may_lose_is_pointed_out() -> None:
    told = run("check", "--set", "usage.ledger=memory", "--set", "usage.shared=postgresql://a@127.0.0.1/u", env=KEY)
    assert "takes with it the rows that usage.shared does not have yet, 20000 at most" in told.stdout
    assert "ledger: memory\n" in told.stdout


def test_the_hashes_that_records_name(tmp_path: Path) -> None:
    document = {"caller": {"verifier": "development"}, "provider": {"regions": {"global": {"api_key": {"env": "X"}}}}}
    file = write_yaml(tmp_path / "sidecar.yaml", document)
    shown = run("check", "--no-files", "--config", str(file)).stdout
    for name, value in judged_by(load(file)).items():
        assert f"# {name} {value}" in shown or name == "provider.zero_data_retention"
    assert "# zero data retention: not attested" in shown


@pytest.mark.parametrize(
    ("word", "note"),
    [
        ("attested", "names nobody, no day and no reference"),
        ({"by": "Ada", "date": "2020-01-01", "reference": "T-1"}, "attested by Ada on 2020-01-01, over a year ago"),
    ],
)
def test_what_is_to_be_done_about_zero_data_retention(tmp_path: Path, word: object, note: str) -> None:
    document = {
        "caller": {"verifier": "development"},
        "provider": {"regions": {"global": {"api_key": {"env": "X"}}}, "zero_data_retention": word},
    }
    file = str(write_yaml(tmp_path / "sidecar.yaml", document))
    for command in (["check", "--no-files"], ["policy"]):
        shown = run(*command, "--config", file).stdout
        assert note in shown


def test_a_candidate_is_shown_by_its_hash(tmp_path: Path) -> None:
    document = {"caller": {"verifier": "development"}, "provider": {"regions": {"global": {"api_key": {"env": "X"}}}}}
    candidate = write_yaml(tmp_path / "next.yaml", document | {"policy": {"mode": "warn"}})
    file = str(write_yaml(tmp_path / "sidecar.yaml", document | {"policy": {"candidate": "next.yaml"}}))
    shown = run("check", "--config", file, env={"X": "sk-key"}).stdout
    assert f"# policy.candidate {candidate}: policy.hash {policy_hash(load(candidate))}" in shown
    assert f"policy.candidate: file {candidate}" in run("check", "--no-files", "--config", file).stdout
    candidate.write_text("policy: {mode: sometimes}\n")
    wrong = run("check", "--config", file, env={"X": "sk-key"})
    assert (wrong.returncode, f"{candidate}:1: policy.mode" in wrong.stderr) == (2, True)
