"""The provider's key and the caller's token: where they are, and where they never are."""

from pathlib import Path

import pytest
from mitmproxy import io as flow_io

from addons.simulator.provider import SimulatedProvider
from tests.conftest import PROVIDER_KEY, SettingsMaker
from tests.proxy.client import HELLO, TOKEN, post
from tests.proxy.running import RunningSidecar
from tests.proxy.watching import Watcher
from tests.records import Records


@pytest.mark.parametrize(
    ("directive", "stream"),
    [(directive, stream) for directive in ("", "status=401", "status=500", "reset") for stream in (False, True)]
    + [("cut=2", True)],
)
def test_no_view_of_a_flow_holds_a_secret(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, directive: str, stream: bool
) -> None:
    provider.script(directive)
    watcher = Watcher()
    with RunningSidecar(make_settings(), inspect=True, view=watcher) as sidecar:
        reply = post(sidecar.port, {**HELLO, "stream": stream}, headers=[("Cookie", "session=very-secret")])
        records.wait()
    (call,) = provider.calls
    assert [value for name, value in call.headers if name.lower() == "authorization"] == [f"Bearer {PROVIDER_KEY}"]
    assert len(watcher.seen) >= 4
    everything = b"".join([*watcher.seen, reply.body, repr(reply.headers).encode(), records.everything().encode()])
    for secret in (PROVIDER_KEY, TOKEN, "very-secret"):
        assert secret.encode() not in everything
    assert TOKEN.encode() not in b"".join([call.body, repr(call.headers).encode()])


def test_a_flow_can_be_saved_with_what_the_sidecar_says_of_it(
    make_settings: SettingsMaker, tmp_path: Path, records: Records
) -> None:
    flows = tmp_path / "flows"
    with RunningSidecar(make_settings(), inspect=True, saved=flows) as sidecar:
        post(sidecar.port)
        records.wait()
    with flows.open("rb") as file:
        (flow,) = flow_io.FlowReader(file).stream()
    assert flow.metadata["sidecar"]["call.outcome"] == "served"


def test_a_key_file_is_read_again_when_it_changes(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addons.provider_credentials.credential.KEY_LIFETIME", 0.0)
    settings = make_settings()
    own = settings.provider.regions["global"].api_key
    assert own
    key = own.file
    assert key
    with RunningSidecar(settings) as sidecar:
        assert post(sidecar.port).status == 200
        key.write_text("sk-another-key-altogether\n")
        assert post(sidecar.port).status == 500  # the provider knows only the first
        key.unlink()
        assert post(sidecar.port).status == 500  # the last one that could be read stays
        (*_, last) = provider.calls
        assert last.values("authorization") == ["Bearer sk-another-key-altogether"]
        key.write_text(PROVIDER_KEY)
        assert post(sidecar.port).status == 200
