"""mitmproxy's options and commands: what is not allowed stops the start, and is refused at run time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions, options

from addons.configuration.mitmproxy_options import all_options
from addons.process import lockdown
from addons.process.lockdown import Lockdown, OptionRefusedError
from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import post
from tests.proxy.running import RunningSidecar

OTHER_VALUES: dict[str, Any] = {
    # what attackers wrote
    "ciphers_server": "ADH-AES256-SHA@SECLEVEL=0",
    "tls_version_server_max": "TLS1_2",
    "scripts": ["evil.py"],
    "save_stream_file": "/tmp/prompts",
    "hardump": "/tmp/prompts",
    "server": False,
    "client_replay": ["flows"],
    "server_replay": ["flows"],
    "rfile": "flows",
    "mode": ["regular"],
    "ignore_hosts": [".*"],
    "connection_strategy": "eager",
    "keep_host_header": False,
    "stream_large_bodies": "1",
    "modify_body": ["/gpt/gpt-evil"],
    "modify_headers": ["/~q/x/y"],
    "map_remote": ["|/v1|http://localhost:1/"],
    "map_local": ["|/v1|/etc"],
    "block_list": ["/~all/200"],
    "tls_version_server_min": "TLS1",
    "ssl_verify_upstream_trusted_ca": "/etc/hosts",
    "certs": ["/etc/hosts"],
    "confdir": "/nowhere",
    "body_size_limit": "1g",
}


@pytest.mark.parametrize("option", sorted(OTHER_VALUES))
def test_refused_at_run_time(sidecar: RunningSidecar, provider: SimulatedProvider, option: str) -> None:
    def change() -> None:
        sidecar.master.options.update(**{option: OTHER_VALUES[option]})

    before = getattr(sidecar.master.options, option)
    with pytest.raises(exceptions.OptionsError, match=rf"option {option} "):
        sidecar.on_loop(change)
    assert getattr(sidecar.master.options, option) == before
    assert post(sidecar.port).status == 200


def test_the_pages_password_is_in_no_refusal() -> None:
    held, chosen = Lockdown({}), options.Options()
    chosen.add_option("web_password", str, "", "the page's")
    held._started = {"web_password": "as it was"}
    chosen.web_password = "another"
    with pytest.raises(OptionRefusedError, match="option web_password to stay as it is") as refused:
        held._hold(chosen, {"web_password"})
    assert not any(each in str(refused.value) for each in ("as it was", "another"))


@pytest.mark.parametrize("name", ["emudhra", "emudhra_old"])
def test_an_option_that_later_releases_have_is_held_too(name: str) -> None:
    """Whatever its default is there."""
    held, later = Lockdown({}), options.Options()
    if name not in later:
        later.add_option(name, bool, True, "a later release's")
    setattr(later, name, True)
    with pytest.raises(OptionRefusedError, match=f"option {name} to be False"):
        held._hold(later, {name})


def another(option: Any) -> Any:
    """Some other value of an option's type."""
    now = option.current()
    for value in (not now, "x", 7, ["x"]):
        if option.choices:
            return next(choice for choice in option.choices if choice != now)
        try:
            option.set(value)
        except TypeError:
            continue
        finally:
            option.set(now)
        if value != now:
            return value
    raise AssertionError(option.name)


def test_every_option_is_either_allowed_or_refused(sidecar: RunningSidecar) -> None:
    """Whatever options mitmproxy has in the version at hand."""
    options = sidecar.master.options

    def refused() -> Iterator[str]:
        for name, option in list(options.items()):
            now, value = option.current(), another(option)
            try:
                options.update(**{name: value})
            except exceptions.OptionsError:
                yield name
            else:
                options.update(**{name: now})

    names = set(sidecar.on_loop(lambda: list(refused())))
    assert set(options.keys()) - names == set(options.keys()) & lockdown.FREE
    assert len(names) > 70


def test_a_free_option_may_be_set(sidecar: RunningSidecar) -> None:
    sidecar.on_loop(lambda: sidecar.master.options.update(showhost=True))
    assert sidecar.master.options.showhost


def test_no_addon_hears_of_a_refused_value(sidecar: RunningSidecar, tmp_path: Path) -> None:
    """A script is loaded by the addon that hears of it, and flows are written by another."""
    script, made = tmp_path / "evil.py", tmp_path / "made"
    script.write_text(f"open({str(made)!r}, 'w').close()")
    for update in ({"scripts": [str(script)]}, {"save_stream_file": str(made)}):
        with pytest.raises(exceptions.OptionsError):
            sidecar.on_loop(lambda update=update: sidecar.master.options.update(**update))  # type: ignore[misc]  # mypy knows no defaults of lambdas
    assert not made.exists()


def test_what_is_needed_is_what_mitmproxy_is_started_with(make_settings: SettingsMaker) -> None:
    assert lockdown.SET.items() <= all_options(make_settings()).items()


@pytest.mark.parametrize("name", ["scripts", "hardump", "ssl_insecure", "http2"])
def test_a_wrong_value_stops_the_start(make_settings: SettingsMaker, tmp_path: Path, name: str) -> None:
    value = {"scripts": [str(tmp_path / "evil.py")], "hardump": str(tmp_path / "flows")}.get(name, True)
    (tmp_path / "evil.py").touch()
    with (
        pytest.raises(RuntimeError, match=f"{name}"),
        RunningSidecar(make_settings(), options={name: value}),
    ):
        pass


FORBIDDEN: Sequence[tuple[str, Sequence[Any]]] = (
    ("save.file", ["@all", "flows"]),
    ("save.har", ["@all", "flows"]),
    ("export.file", ["curl", "@all", "flows"]),
    ("export.clip", ["curl", "@all"]),
    ("cut.save", ["@all", "request.content", "flows"]),
    ("script.run", ["@all", "evil.py"]),
    ("set", ["ssl_insecure", "true"]),
    ("options.load", ["config.yaml"]),
    ("options.save", ["config.yaml"]),
    ("options.reset", []),
    ("replay.client", ["@all"]),
    ("replay.client.file", ["flows"]),
    ("replay.server.file", ["flows"]),
    ("view.flows.load", ["flows"]),
    ("view.flows.create", ["get", "https://api.openai.com"]),
    ("flow.set", ["@all", "host", "evil.example"]),
    ("browser.start", []),
    ("inject.websocket", ["@all", "true", "x"]),
)


@pytest.mark.parametrize(("command", "words"), FORBIDDEN)
def test_commands_that_are_forgotten(
    sidecar: RunningSidecar, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, words: Sequence[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(exceptions.CommandError, match="Unknown command"):
        sidecar.on_loop(lambda: sidecar.master.commands.call_strings(command, list(words)))
    assert [file.name for file in tmp_path.iterdir()] == ["provider-key"]


def test_no_other_commands_are_left(sidecar: RunningSidecar) -> None:
    assert sidecar.master.commands.commands.keys() <= lockdown.COMMANDS


def test_where_a_person_looks_on_replay_is_a_command_of_ours(make_settings: SettingsMaker) -> None:
    with RunningSidecar(make_settings(), inspect=True) as sidecar:
        command = sidecar.master.commands.commands[lockdown.RESEND]
        assert command.func == sidecar.part("sidecar-resending").resend


def test_a_script_that_is_unloaded_leaves_a_dead_target(sidecar: RunningSidecar, provider: SimulatedProvider) -> None:
    dialled = provider.dialled
    addons = sidecar.master.addons
    sidecar.on_loop(lambda: addons.chain.remove(addons.get("test-script")))
    assert post(sidecar.port).status == 502  # mitmproxy's own HTTP layer, whose target nothing listens on
    assert provider.dialled == dialled
