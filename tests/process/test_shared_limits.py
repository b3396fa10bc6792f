"""Many sidecars, one limit: two processes that count in one store."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from addons.simulator.provider import SimulatedProvider
from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import post
from tests.usage.server import Store
from tests.waiting import LONGEST

LIMIT, CALLS, CALLERS = 5, 30, 8
PATIENT = f"""\
from addons.usage.redis_counters import RedisCounters
RedisCounters.__init__.__defaults__ = ({LONGEST},)
"""
"""A store that is late on a busy machine is no store that is away."""


def test_two_sidecars_share_a_limit_through_an_outage(
    make_document: DocumentMaker, provider: SimulatedProvider, tmp_path: Path, own_store: Store
) -> None:
    limits = {"storage": own_store.url, "enrollment": {"default": {"requests_per_minute": LIMIT}}}
    config = written(tmp_path, make_document(limits=limits))
    with SidecarProcess(config, before=PATIENT) as one, SidecarProcess(config, before=PATIENT) as two:

        def burst() -> list[int]:
            with ThreadPoolExecutor(CALLERS) as callers:
                ports = [(one, two)[n % 2].port for n in range(CALLS)]
                return [reply.status for reply in callers.map(post, ports)]

        assert sorted(burst()) == [200] * LIMIT + [429] * (CALLS - LIMIT)
        assert len(provider.calls) == LIMIT
        own_store.kill()
        assert burst() == [503] * CALLS
        assert len(provider.calls) == LIMIT
        own_store.start()  # and has forgotten all
        assert sorted(burst()) == [200] * LIMIT + [429] * (CALLS - LIMIT)
        assert len(provider.calls) == 2 * LIMIT


def test_two_sidecars_that_race_spend_no_more_than_one_budget(
    make_document: DocumentMaker, provider: SimulatedProvider, tmp_path: Path, store: Store
) -> None:
    limits = {"storage": store.url, "budgets": {"enrollment": {"month": {"requests": LIMIT}}}}
    config = written(tmp_path, make_document(limits=limits))
    with (
        SidecarProcess(config, before=PATIENT) as one,
        SidecarProcess(config, before=PATIENT) as two,
        ThreadPoolExecutor(CALLERS) as callers,
    ):
        ports = [(one, two)[n % 2].port for n in range(CALLS)]
        replies = [reply.status for reply in callers.map(post, ports)]
    assert sorted(replies) == [200] * LIMIT + [403] * (CALLS - LIMIT)
    assert len(provider.calls) == LIMIT
