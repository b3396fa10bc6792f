"""Another authority, and another certificate, while connections are busy, idle, or being made."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from addons.configuration.build_rules import Lasting, rules
from addons.exchange.upstream.pool import UpstreamPool
from addons.simulator.certificates import LOOPBACK, Authority
from addons.usage.storage import build_counters
from tests.conftest import SettingsMaker
from tests.exchange.upstream.counted import busy, idle
from tests.proxy.client import post
from tests.proxy.running import RunningSidecar
from tests.proxy.test_provider_tls import WHOLE, answers
from tests.proxy.tls_provider import Talk, TlsProvider
from tests.records import Records
from tests.waiting import LONGEST, eventually


@pytest.fixture(scope="module")
def authorities(certificates: Path) -> tuple[Authority, Authority]:
    return Authority(certificates / "trusted first"), Authority(certificates / "trusted then")


def settings_for(make_settings: SettingsMaker, provider: TlsProvider, trusted: Path) -> Any:
    section = make_settings().provider.model_dump()
    section["regions"]["global"]["url"] = provider.url
    return make_settings(provider=section | {"trusted_ca": trusted})


class Held:
    """Answers when it may; ``early`` waits before the handshake, otherwise before the answer."""

    def __init__(self, *, early: bool) -> None:
        self.met = threading.Event()
        self.go = threading.Event()
        self._early = early

    def __call__(self, talk: Talk) -> None:
        self.met.set()
        if self._early:
            self.go.wait(LONGEST)
        talk.shake_hands()
        while True:
            talk.request()
            self.go.wait(LONGEST)
            talk.say(WHOLE)


def close_idle(pool: UpstreamPool) -> None:
    for each in pool._pools.values():
        each.close_idle(float("inf"))


def test_what_was_made_under_another_authority_serves_no_call_that_begins_then(
    make_settings: SettingsMaker, authorities: tuple[Authority, Authority], records: Records, tmp_path: Path
) -> None:
    first, then = authorities
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(first.file.read_bytes())
    with (
        TlsProvider(first.server_context(LOOPBACK), answers(WHOLE)) as provider,
        RunningSidecar(settings_for(make_settings, provider, trusted)) as sidecar,
        ThreadPoolExecutor(4) as callers,
    ):
        pool, port = sidecar.services.to_provider, sidecar.port
        begun = []
        for held in (Held(early=False), Held(early=True)):  # one is busy, one is being made
            provider.play = held
            begun.append((held, callers.submit(post, port)))
            assert held.met.wait(LONGEST)
        eventually(lambda: provider.heads)
        provider.play = answers(WHOLE)
        assert post(port).status == 200  # and one is idle
        trusted.write_bytes(then.file.read_bytes())
        provider.context = then.server_context(LOOPBACK)
        assert post(port).status == 200  # on the idle one, by the rules in force
        again = rules(settings_for(make_settings, provider, trusted), Lasting(build_counters("memory")))
        sidecar.on_loop(lambda: sidecar.services.in_force.put(again))
        assert post(port).status == 200
        assert provider.dialled == 4
        for held, reply in begun:
            held.go.set()
            assert reply.result().status == 200
        eventually(lambda: provider.open == 1)
        assert sidecar.on_loop(lambda: (busy(pool), idle(pool))) == (0, 1)
        assert post(port).status == 200
        assert provider.dialled == 4


@pytest.mark.parametrize("names", [["other.example"], LOOPBACK], ids=["another name", "another authority"])
def test_each_dial_is_verified_anew(
    make_settings: SettingsMaker, authorities: tuple[Authority, Authority], records: Records, names: Sequence[str]
) -> None:
    """Whatever the connection before it showed; nothing is resumed."""
    first, then = authorities
    good, bad = first.server_context(LOOPBACK), (then if names is LOOPBACK else first).server_context(names)
    with (
        TlsProvider(good, answers(WHOLE)) as provider,
        RunningSidecar(settings_for(make_settings, provider, first.file)) as sidecar,
    ):
        statuses = []
        for context in (good, bad, good):
            provider.context = context
            sidecar.on_loop(partial(close_idle, sidecar.services.to_provider))
            statuses.append(post(sidecar.port).status)
        assert statuses == [200, 503, 200]
        assert len(provider.heads) == 2
