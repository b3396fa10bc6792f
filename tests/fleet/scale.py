"""A thousand sidecars against one PostgreSQL behind pgbouncer and one Valkey: ``python -m tests.fleet.scale``.

Prints what it measured as JSON. deploy/OPERATIONS.md has figures of one run, and what they say of ten thousand pods.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.fleet.pooler import Pooler, pooling
from tests.usage.postgres import Postgres, serving
from tests.usage.server import Store

POOL = 20  # connections from pgbouncer to PostgreSQL
TICKS = os.sysconf("SC_CLK_TCK")
START = 6.0  # seconds that a process takes to import what it needs
ROWS = "SELECT count(*) FROM foundry_usage.call WHERE state = 'closed'"
SIZE = """
SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'foundry_usage' AND c.relkind = 'r'
"""


def processor(process: int) -> float:
    """Seconds of a processor that a process and those it has begun took."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if process in {int(stat.parent.name), int(words[1])}:
            total += (int(words[11]) + int(words[12])) / TICKS
    return total


class Look(NamedTuple):
    """What the services have done up to a moment. ``processor``: seconds of one, by service."""

    commands: int
    statements: int
    rows: int
    processor: dict[str, float]


class Services(NamedTuple):
    server: Postgres
    pooler: Pooler
    store: Store

    def look(self, sidecars: Sequence[int]) -> Look:
        found = re.search(r"total_commands_processed:(\d+)", self.store.info("stats"))
        assert found
        stats = [each for each in self.pooler.show("STATS") if each["database"] == "postgres"]
        there = self.server.ask("SELECT to_regclass('foundry_usage.call')") != [(None,)]
        processes = {
            "postgres": self.server.process,
            "pgbouncer": self.pooler.process.pid,
            "valkey": self.store.process,
        }
        return Look(
            int(found[1]),
            sum(int(each["total_query_count"]) for each in stats),
            self.server.ask(ROWS)[0][0] if there else 0,
            {name: processor(each) for name, each in processes.items()}
            | {"sidecars": sum(processor(each) for each in sidecars)},
        )

    def connections(self) -> dict[str, int]:
        pools = [each for each in self.pooler.show("POOLS") if each["database"] == "postgres"]
        return {
            "pooler": sum(each["cl_active"] + each["cl_waiting"] for each in pools),
            "server": sum(each["sv_active"] + each["sv_idle"] + each["sv_used"] for each in pools),
            "store": int(self.store.info("clients").partition("connected_clients:")[2].split()[0]),
        }


def measure(given: argparse.Namespace) -> dict[str, Any]:
    instances = given.instances
    with (
        TemporaryDirectory(prefix="fleet-") as name,
        serving(None, "max_connections=50", "shared_buffers=256MB", "fsync=on") as server,
        pooling(server.port, pool=POOL, clients=instances + 100) as pooler,
        Store(Path(name), "--maxclients", str(instances * 10 + 100)) as store,
    ):
        return _measured(Services(server, pooler, store), given)


def _measured(services: Services, given: argparse.Namespace) -> dict[str, Any]:
    share = given.instances // given.processes
    begin = time.time() + START
    since, until = begin + given.warm, begin + given.warm + given.seconds
    told = {
        "instances": share, "begin": begin, "measured": (since, until), "every": given.every,
        "store": None if given.only == "ledger" else services.store.url,
        "shared": None if given.only == "counters" else services.server.url(port=services.pooler.port),
    }  # fmt: skip
    started = [_started(told | {"first": each * share}) for each in range(given.processes)]
    sidecars = [each.pid for each in started]
    time.sleep(since - time.time())
    before, peaks = services.look(sidecars), services.connections()
    while (left := until - time.time()) > 0:
        time.sleep(min(1.0, left))
        peaks = {name: max(peaks[name], now) for name, now in services.connections().items()}
    after, took = services.look(sidecars), given.seconds
    results = [json.loads(each.communicate()[0]) for each in started]
    calls = sum(each["calls"] for each in results)
    lags = [lag for each in results for lag in each["lags"]]
    rows = after.rows - before.rows
    return {
        "instances": share * given.processes,
        "seconds": round(took, 1),
        "calls": calls,
        "calls_a_second": round(calls / took, 1),
        "refused": sum(each["refused"] for each in results),
        "rows_a_second": round(rows / took, 1),
        "rows_left": sum(each["left"] for each in results),
        "statements_a_call": round((after.statements - before.statements) / calls, 2),
        "bytes_a_row": round(int(services.server.ask(SIZE)[0][0] or 0) / max(1, after.rows)),
        "store_commands_a_second": round((after.commands - before.commands) / took),
        "store_commands_a_call": round((after.commands - before.commands) / calls, 1),
        "connections": peaks,
        "lag_median": round(median(lags), 2) if lags else None,
        "lag_p99": round(quantiles(lags, n=100)[98], 2) if lags else None,
        "microseconds_a_call": {
            name: round(1e6 * (now - before.processor[name]) / calls) for name, now in after.processor.items()
        },
        "processors": {name: round((now - before.processor[name]) / took, 2) for name, now in after.processor.items()},
    }


def _started(told: dict[str, Any]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "tests.fleet.instances"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(json.dumps(told).encode())
    process.stdin.close()
    process.stdin = None
    return process


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--instances", type=int, default=1000)
    asked.add_argument("--processes", type=int, default=2)
    asked.add_argument("--seconds", type=float, default=60.0, help="that are measured")
    asked.add_argument("--warm", type=float, default=30.0, help="seconds before them, in which the instances begin")
    asked.add_argument("--every", type=float, default=1.0, help="seconds between two calls of one instance")
    asked.add_argument("--only", choices=("ledger", "counters"), help="one half, where both are more than the machine")
    json.dump(measure(asked.parse_args()), sys.stdout, indent=1)
    print()  # noqa: T201 - its report
