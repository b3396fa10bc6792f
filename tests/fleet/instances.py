"""Some of the simulated sidecars, in one process: ``python -m tests.fleet.instances``, with its task as JSON on stdin.

What a call meets of a fleet is the real thing: gates of limits and budgets, counters, settlement, the ledger on disk
and the shipper. mitmproxy and the provider are left out: they are each pod's own.
"""

import asyncio
import json
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any

import structlog

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.call import Answer, Call
from addons.foundry.refusals import Refusal
from addons.gates.budgets import HoldToBudgets
from addons.gates.limits import HoldToLimits
from addons.gates.limits_settings import LimitsSettings
from addons.usage.ledger_writer import LedgerWriter
from addons.usage.redis_counters import RedisCounters
from addons.usage.rows_on_disk import RowsOnDisk
from addons.usage.settlement import Settlement
from addons.usage.shared_ledger import SharedLedger
from addons.usage.shipper import Shipper
from tests.gates.calls import GPT, SOMEONE, call

ANSWER = Answer(status=200, facts=AnswerFacts(usage=Usage(1200, 0, 300, 0, 1500)))
PROVIDER_SECONDS = 0.5
MOST = 10**12
LIMIT = {"tokens_per_minute": MOST, "requests_per_minute": MOST}
LIMITS = {
    "enrollment": {"default": LIMIT},
    "user": {"default": LIMIT},
    "budgets": {"enrollment": {"month": {"tokens": MOST}}, "user": {"default": {"day": {"requests": MOST}}}},
}


class Instance:
    def __init__(self, number: int, directory: Path, store: str, shared: str) -> None:
        settings = LimitsSettings.model_validate({"storage": store, **LIMITS})
        self.counters = RedisCounters(store, deadline=5.0)
        self.gates = (HoldToLimits(settings, self.counters), HoldToBudgets(settings, self.counters))
        self.settlement = Settlement(self.counters)
        run = {"pod": f"pod-{number}", "namespace": "fleet", "version": "0"}
        self.ledger = LedgerWriter(directory / f"{number}.sqlite", ship=True, run=run)
        self.shipper = Shipper(RowsOnDisk(self.ledger.path), SharedLedger(shared))

    async def make_calls(self, until: float, every: float) -> tuple[int, int]:
        """Calls that were made, and those that were refused, which none should be."""
        made = refused = 0
        await asyncio.sleep(random.uniform(0, every))
        under_way: set[asyncio.Task[bool]] = set()
        while (began := time.monotonic()) < until:
            task = asyncio.create_task(self._call())
            under_way.add(task)
            made += 1
            await asyncio.sleep(max(0.0, began + every - time.monotonic()))
        for passed in await asyncio.gather(*under_way):
            refused += not passed
        return made, refused

    async def _call(self) -> bool:
        each = call(caller=SOMEONE, model=GPT, body=b"x" * 4800, document={"max_output_tokens": 500})
        try:
            for gate in self.gates:
                await gate(each)
        except Refusal:
            return False
        row = _row(each)
        await self.ledger.open(row)
        each.sent_at = time.monotonic()
        await asyncio.sleep(PROVIDER_SECONDS)
        each.answer = ANSWER
        self.settlement.settle(each)
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


async def main(told: dict[str, Any]) -> dict[str, Any]:
    numbers = range(told["first"], told["first"] + told["instances"])
    instances = [Instance(each, Path(told["directory"]), told["store"], told["shared"]) for each in numbers]
    for each in instances:
        await asyncio.to_thread(each.ledger.start)
        each.shipper.start()
    lags: list[float] = []

    async def watch() -> None:
        while True:
            await asyncio.sleep(1)
            lags.extend(each.shipper.lag for each in instances)

    watching = asyncio.create_task(watch())
    began = time.monotonic()
    done = await asyncio.gather(*(each.make_calls(began + told["seconds"], told["every"]) for each in instances))
    took = time.monotonic() - began
    watching.cancel()
    for each in instances:
        await each.settlement.stop()
        await asyncio.to_thread(each.ledger.close)
    await asyncio.gather(*(each.shipper.stop() for each in instances))
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "calls": sum(made for made, _ in done),
        "refused": sum(refused for _, refused in done),
        "left": sum(each.shipper.waiting for each in instances),
        "seconds": took,
        "lags": lags,
        "processor": spent.ru_utime + spent.ru_stime,
    }


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    json.dump(asyncio.run(main(json.load(sys.stdin))), sys.stdout)
