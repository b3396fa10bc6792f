"""Bodies made at random through a real proxy: what the provider got is what two judges let pass, and no more."""

import random
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addons.foundry.paths import BASE
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.fuzz import (
    bodies,
    second_judge,
    second_judge_of_chat,
    second_judge_of_embeddings,
    test_policy_of_chat,
    test_policy_of_embeddings,
)
from tests.fuzz.reading import read_again
from tests.fuzz.test_bytes import spelled
from tests.proxy.client import post
from tests.proxy.running import RunningSidecar
from tests.proxy.test_embeddings import ADA
from tests.records import Records
from tests.tally import Tally


class Asked(NamedTuple):
    """``stripped``: top-level members that never leave under the default policy, which no refusal says.
    ``added``: those that the sidecar may change beside them.
    """

    path: str
    model: str
    bodies: st.SearchStrategy[dict[str, Any]]
    objections: Callable[[dict[str, Any]], Iterator[str]]
    stripped: frozenset[str]
    added: frozenset[str]


PEOPLE: Final = frozenset(("user", "safety_identifier"))
ASKED: Final = {
    "bodies": Asked(
        "/responses",
        MODEL,
        bodies.tampered(),
        second_judge.objections,
        frozenset(("access_programs", "client_metadata")),
        frozenset(("model", "store", "include", "prompt_cache_retention")) | PEOPLE,
    ),
    "chat completions": Asked(
        "/chat/completions",
        MODEL,
        test_policy_of_chat.tampered(),
        second_judge_of_chat.objections,
        second_judge_of_chat.TAKEN_OUT,
        frozenset(("model", "store", "prompt_cache_retention")),
    ),
    "embeddings": Asked(
        "/embeddings",
        ADA,
        test_policy_of_embeddings.tampered(),
        second_judge_of_embeddings.objections,
        second_judge_of_embeddings.TAKEN_OUT,
        frozenset(("model",)),
    ),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize("examples", [100, pytest.param(3000, marks=pytest.mark.long)])
def test_what_leaves(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tally: Tally, what: str, examples: int
) -> None:
    counted = {"sent": 0, "left": 0}
    asked = ASKED[what]
    changed = asked.stripped | asked.added
    with RunningSidecar(make_settings()) as sidecar:

        @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
        @given(asked.bodies, st.randoms(use_true_random=False), st.sampled_from([True, False]))
        def holds(document: dict[str, Any], chance: random.Random, twice: bool) -> None:
            document["model"] = asked.model
            if document.get("stream") is True:
                del document["stream"]
            body = spelled(document, chance, twice=twice).encode()
            provider.clear()
            reply = post(sidecar.port, body, target=f"{BASE}{asked.path}")
            counted["sent"] += 1
            if reply.status == 400 and not provider.calls:
                return
            (reached,) = provider.calls
            assert reached.target == f"/v1{asked.path}"
            counted["left"] += 1
            before, after = read_again(body), read_again(reached.body)
            assert list(asked.objections(before)) == []
            assert after.get("store") is (False if "store" in asked.added else None)
            assert after.keys().isdisjoint(asked.stripped)
            assert {name for name in {*before, *after} if before.get(name, ...) != after.get(name, ...)} <= changed
            sent, left = members(body), members(reached.body)
            assert {name: sent[name] for name in sent.keys() - changed} == {
                name: left[name] for name in left.keys() - changed
            }

        holds()
    assert counted["left"] > examples / 50
    tally.add(
        "fuzz",
        f"{what} through a proxy",
        tried=counted["sent"],
        lost=0,
        figures=f"{counted['left']} reached the provider",
    )


def members(body: bytes) -> dict[str, bytes]:
    """Each top-level member in its very bytes."""
    return {name: bytes(raw) for name, raw in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items()}
