"""Some of the simulated sidecars, in one process: ``python -m tests.fleet.instances``, with its task as JSON on stdin.

What a fleet shares meets the real thing: gates of limits and budgets, counters, settlement, rows in memory and the
shipper. mitmproxy, the provider and the disk are left out: they are each pod's own. So is the shipper's thread: those
of one process share its event loop, since a thousand threads would measure themselves.
"""

import asyncio
import json
import sys
import time
from typing import Any

import structlog

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.call import Answer, Call
from addons.foundry.refusals import Refusal
from addons.gates.budgets import HoldToBudgets
from addons.gates.limits import HoldToLimits
from addons.gates.limits_settings import LimitsSettings
from addons.usage.memory_counters import MemoryCounters
from addons.usage.memory_ledger import MemoryLedger
from addons.usage.redis_counters import RedisCounters
from addons.usage.settlement import Settlement
from addons.usage.shared_ledger import SharedLedger
from addons.usage.shipper import Shipper
from tests.gates.calls import GPT, SOMEONE, call

ANSWER = Answer(status=200, facts=AnswerFacts(usage=Usage(1200, 0, 300, 0, 1500)))
PROVIDER_SECONDS = 0.5
MOST_ROWS = 20_000
AFTER = 2.0  # seconds that calls go on after the last look
MOST = 10**12
LIMIT = {"tokens_per_minute": MOST, "requests_per_minute": MOST}
LIMITS = {
    "enrollment": {"default": LIMIT},
    "user": {"default": LIMIT},
    "budgets": {"enrollment": {"month": {"tokens": MOST}}, "user": {"default": {"day": {"requests": MOST}}}},
}


class Instance:
    """``store`` and ``shared``: their URLs; None: this half is left out."""

    def __init__(self, number: int, store: str | None, shared: str | None) -> None:
        self.made = self.refused = 0
        settings = LimitsSettings.model_validate({"storage": store or "memory", **LIMITS})
        self.counters = RedisCounters(store, deadline=5.0) if store else MemoryCounters()
        self.gates = (HoldToLimits(settings, self.counters), HoldToBudgets(settings, self.counters)) if store else ()
        self.settlement = Settlement(self.counters)
        self.ledger = MemoryLedger(MOST_ROWS, {"pod": f"pod-{number}", "namespace": "fleet", "version": "0"})
        self.shipper = Shipper(self.ledger, SharedLedger(shared)) if shared else None

    async def run(self, begin: float, until: float, every: float) -> None:
        """Calls until a Unix time, the first of them at another."""
        await _at(begin)
        shipping = asyncio.create_task(self.shipper._ship_all()) if self.shipper else None
        under_way: set[asyncio.Task[None]] = set()
        while (began := time.time()) < until:
            task = asyncio.create_task(self._counted())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            await _at(began + every)
        await asyncio.gather(*under_way)
        if self.shipper and shipping:
            self.shipper._end.set()
            self.shipper._woken.set()
            await shipping

    async def _counted(self) -> None:
        self.made += 1
        self.refused += not await self._call()

    async def _call(self) -> bool:
        each = call(caller=SOMEONE, model=GPT, body=b"x" * 4800, document={"max_output_tokens": 500})
        try:
            for gate in self.gates:
                await gate(each)
        except Refusal:
            return False
        row = _row(each)
        if self.shipper:
            await self.ledger.open(row)
        each.sent_at = time.monotonic()
        await asyncio.sleep(PROVIDER_SECONDS)
        each.answer = ANSWER
        if self.gates:
            self.settlement.settle(each)
        if self.shipper:
            self.ledger.write({**row, **CLOSED})
        return True


CLOSED = {
    "state": "closed", "decision": "allowed", "outcome": "served", "status": 200, "usage_status": "reported",
    "input_tokens": 1200, "cached_tokens": 0, "cache_write_tokens": 0, "output_tokens": 300, "reasoning_tokens": 0,
    "total_tokens": 1500, "cost": 0.0042, "duration_total": 0.5, "duration_sidecar": 0.002, "duration_provider": 0.498,
    "policy": "f" * 12,
}  # fmt: skip


def _row(each: Call) -> dict[str, Any]:
    return {
        "id": each.id,
        "opened_at": time.time(),
        "state": "open",
        "caller": "system:serviceaccount:apps:some-app",
        "projects": "ri.compass.main.folder.some-project",
        "model": GPT.rid,
        "provider_model": GPT.provider_model,
        "region": "global",
        "trace_id": each.trace.trace_id,
    }


async def _at(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.time()))


async def main(told: dict[str, Any]) -> dict[str, Any]:
    """Looks at lag and counts between two moments, ``measured``; the instances begin one after the other before it."""
    begin, (since, until), every = told["begin"], told["measured"], told["every"]
    numbers = range(told["first"], told["first"] + told["instances"])
    instances = [Instance(each, told["store"], told["shared"]) for each in numbers]
    running = [
        asyncio.create_task(each.run(begin + (since - begin) * number / len(instances) * 0.8, until + AFTER, every))
        for number, each in enumerate(instances)
    ]
    await _at(since)
    before = [(each.made, each.refused) for each in instances]
    lags: list[float] = []
    while (left := until - time.time()) > 0:
        await asyncio.sleep(min(1.0, left))
        lags.extend(each.shipper.lag for each in instances if each.shipper)
    after = [(each.made, each.refused) for each in instances]
    await asyncio.gather(*running)
    for each in instances:
        await each.settlement.stop()
    made, refused = (sum(now[of] - then[of] for then, now in zip(before, after, strict=True)) for of in (0, 1))
    left = sum(each.ledger.left().rows for each in instances)
    return {"calls": made, "refused": refused, "left": left, "lags": lags}


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    json.dump(asyncio.run(main(json.load(sys.stdin))), sys.stdout)
