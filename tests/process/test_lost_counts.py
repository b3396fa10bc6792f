"""Two sidecars in processes of their own race for one budget, while the store that holds it is emptied under them."""

import threading
from itertools import count
from pathlib import Path

from addons.simulator.provider import SimulatedProvider
from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import HELLO, post
from tests.usage.postgres import Postgres, postgres, postgres_process
from tests.usage.server import Store
from tests.waiting import LONGEST

__all__ = ["postgres", "postgres_process"]

BUDGET = 300
CALLERS = 3  # of each sidecar: so many calls are under way


def test_nobody_overspends_by_more_than_what_is_under_way(
    make_document: DocumentMaker, provider: SimulatedProvider, postgres: Postgres, store: Store, tmp_path: Path
) -> None:
    """Also not by what others' ledgers had not carried yet when the counts were lost."""
    configs = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        usage = {"ledger": str(tmp_path / name / "usage.sqlite"), "shared": postgres.url()}
        limits = {"storage": store.url, "budgets": {"enrollment": {"day": {"requests": BUDGET}}}}
        configs.append(written(tmp_path / name, make_document(usage=usage, limits=limits)))
    served, numbers = list[int](), count(1)

    def call_until_refused(port: int) -> None:
        while (reply := post(port, HELLO)).status == 200:
            served.append(port)
            if next(numbers) == BUDGET // 2:
                assert store.say("FLUSHALL") == "+OK"
        assert reply.code == "budget_exceeded"

    with SidecarProcess(configs[0]) as one, SidecarProcess(configs[1]) as other:
        callers = [threading.Thread(target=call_until_refused, args=(each.port,)) for each in (one, other) * CALLERS]
        for each in callers:
            each.start()
        for each in callers:
            each.join(LONGEST)
        assert one.records.of("budgets_rebuilt") or other.records.of("budgets_rebuilt")
    assert BUDGET <= len(served) <= BUDGET + len(callers)
    assert len(provider.calls) == len(served)
