"""Bodies made at random through a real proxy: what the provider got is what two judges let pass, and no more."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.fuzz.bodies import tampered
from tests.fuzz.reading import read_again
from tests.fuzz.second_judge import objections
from tests.fuzz.test_bytes import spelled
from tests.proxy.client import post
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.tally import Tally

STRIPPED = {"access_programs", "client_metadata"}
"""Top-level members that never leave under the default policy; no refusal says so."""
ADDED = STRIPPED | {"model", "store", "include", "prompt_cache_retention", "user", "safety_identifier"}
"""Top-level members that the sidecar may change under its default policy."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("examples", [100, pytest.param(3000, marks=pytest.mark.long)])
def test_what_leaves(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tally: Tally, examples: int
) -> None:
    counted = {"sent": 0, "left": 0}
    with RunningSidecar(make_settings()) as sidecar:

        @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
        @given(tampered(), st.randoms(use_true_random=False), st.sampled_from([True, False]))
        def holds(document: dict[str, Any], chance: random.Random, twice: bool) -> None:
            document["model"] = MODEL
            document.pop("stream", None)
            body = spelled(document, chance, twice=twice).encode()
            provider.clear()
            reply = post(sidecar.port, body)
            counted["sent"] += 1
            if reply.status == 400 and not provider.calls:
                return
            (reached,) = provider.calls
            counted["left"] += 1
            before, after = read_again(body), read_again(reached.body)
            assert list(objections(before)) == []
            assert after["store"] is False
            assert after.keys().isdisjoint(STRIPPED)
            assert {name for name in {*before, *after} if before.get(name, ...) != after.get(name, ...)} <= ADDED
            sent, left = members(body), members(reached.body)
            assert {name: sent[name] for name in sent.keys() - ADDED} == {
                name: left[name] for name in left.keys() - ADDED
            }

        holds()
    assert counted["left"] > examples / 10
    tally.add(
        "fuzz",
        "bodies through a proxy",
        tried=counted["sent"],
        lost=0,
        figures=f"{counted['left']} reached the provider",
    )


def members(body: bytes) -> dict[str, bytes]:
    """Each top-level member in its very bytes."""
    return {name: bytes(raw) for name, raw in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items()}
