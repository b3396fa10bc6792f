"""Lean where mitmproxy was tried, and mitmproxy as it comes everywhere else."""

from typing import Any

import pytest
from mitmproxy import certs, version

from addons.lean.addon import _REPLACED, _STOCK, TRIED
from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records

STREAM = {**HELLO, "stream": True}


def in_place() -> tuple[object, ...]:
    return tuple(getattr(owner, name) for owner, name in _REPLACED)


@pytest.mark.parametrize(
    ("lean", "mitmproxy", "replaced"),
    [(True, TRIED[0], True), (False, TRIED[0], False), (True, "12.9.0", False)],
    ids=["lean", "switched off", "another mitmproxy"],
)
def test_what_is_replaced(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
    lean: bool,
    mitmproxy: str,
    replaced: bool,
) -> None:
    monkeypatch.setattr(version, "VERSION", mitmproxy)
    with RunningSidecar(make_settings(mitmproxy={"lean": lean})) as sidecar:
        assert [new is not old for new, old in zip(in_place(), _STOCK, strict=True)] == [replaced] * len(_STOCK)
        assert post(sidecar.port).status == 200
        assert post(sidecar.port, STREAM).status == 200
        assert post(sidecar.port, {**HELLO, "store": True}).status == 400
        records.wait(count=3)
    assert in_place() == _STOCK
    assert len(provider.calls) == 2
    assert len(records.of("lean_left_off")) == (mitmproxy not in TRIED)


def test_the_version_that_is_pinned_was_tried() -> None:
    assert version.VERSION in TRIED


@pytest.mark.parametrize(("lean", "times"), [(True, 1), (False, 2)])
def test_the_authority_is_read_once(
    make_settings: SettingsMaker, records: Records, monkeypatch: pytest.MonkeyPatch, lean: bool, times: int
) -> None:
    stock, read = certs.CertStore.from_files, list[object]()

    def watched(*arguments: Any) -> certs.CertStore:
        read.append(arguments)
        return stock(*arguments)

    monkeypatch.setattr(certs.CertStore, "from_files", watched)
    with RunningSidecar(make_settings(mitmproxy={"lean": lean})) as sidecar:
        assert post(sidecar.port).status == 200
        records.wait()
    assert len(read) == times
