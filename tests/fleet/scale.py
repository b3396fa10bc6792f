"""A thousand sidecars against one PostgreSQL behind pgbouncer and one Valkey: ``python -m tests.fleet.scale``.

Prints what it measured as JSON. docs/fleet.md has the figures of one run, and what they say of ten thousand pods.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from tests.fleet.pooler import Pooler, pooling
from tests.usage.postgres import Postgres, serving
from tests.usage.server import Store

POOL = 20  # connections from pgbouncer to PostgreSQL
TICKS = os.sysconf("SC_CLK_TCK")
WRITTEN = "SELECT count(*), count(*) FILTER (WHERE state = 'closed'), count(DISTINCT pod) FROM foundry_usage.call"
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


def commands(store: Store) -> int:
    found = re.search(r"total_commands_processed:(\d+)", store.info("stats"))
    assert found
    return int(found[1])


def measure(instances: int, processes: int, seconds: float, every: float) -> dict[str, Any]:
    with (
        TemporaryDirectory(prefix="fleet-") as name,
        serving(None, "max_connections=50", "shared_buffers=256MB") as server,
        pooling(server.port, pool=POOL, clients=instances + 100) as pooler,
        Store(Path(name), "--maxclients", str(instances * 10 + 100)) as store,
    ):
        return _measured(Path(name), (server, pooler, store), instances, processes, seconds, every)


def _measured(
    directory: Path,
    services: tuple[Postgres, Pooler, Store],
    instances: int,
    processes: int,
    seconds: float,
    every: float,
) -> dict[str, Any]:
    server, pooler, store = services
    share = instances // processes
    told = [
        {
            "first": each * share, "instances": share, "seconds": seconds, "every": every, "directory": str(directory),
            "store": store.url, "shared": server.url(port=pooler.port),
        }
        for each in range(processes)
    ]  # fmt: skip
    before = commands(store)
    peaks = {"pooler": 0, "server": 0, "store": 0}
    with ThreadPoolExecutor(processes) as threads:
        runs = [threads.submit(_run, each) for each in told]
        while not all(run.done() for run in runs):
            time.sleep(1)
            pools = [each for each in pooler.show("POOLS") if each["database"] == "postgres"]
            now = {
                "pooler": sum(each["cl_active"] + each["cl_waiting"] for each in pools),
                "server": sum(each["sv_active"] + each["sv_idle"] + each["sv_used"] for each in pools),
                "store": int(store.info("clients").partition("connected_clients:")[2].split()[0]),
            }
            peaks = {name: max(peak, now[name]) for name, peak in peaks.items()}
        results = [run.result() for run in runs]
    (stats,) = [each for each in pooler.show("STATS") if each["database"] == "postgres"]
    ((rows, closed, pods),) = server.ask(WRITTEN)
    calls, took = sum(each["calls"] for each in results), max(each["seconds"] for each in results)
    lags = [lag for each in results for lag in each["lags"]]
    return {
        "instances": share * processes,
        "pods_seen": pods,
        "calls": calls,
        "refused": sum(each["refused"] for each in results),
        "rows": rows,
        "rows_closed": closed,
        "rows_left": sum(each["left"] for each in results),
        "seconds": round(took, 1),
        "calls_a_second": round(calls / took, 1),
        "statements": int(stats["total_query_count"]),
        "statements_a_second": round(int(stats["total_query_count"]) / took, 1),
        "bytes_a_row": round(int(server.ask(SIZE)[0][0]) / max(1, rows)),
        "store_commands_a_call": round((commands(store) - before) / calls, 1),
        "connections": peaks,
        "lag_median": round(median(lags), 2),
        "lag_p99": round(quantiles(lags, n=100)[98], 2),
        "processor_a_call": {
            "postgres": _each(server.process, calls),
            "pgbouncer": _each(pooler.process.pid, calls),
            "valkey": _each(store.process, calls),
            "sidecars": round(1e6 * sum(each["processor"] for each in results) / calls),
        },
    }


def _each(process: int, calls: int) -> int:
    """Microseconds of a processor for each call."""
    return round(1e6 * processor(process) / calls)


def _run(told: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "tests.fleet.instances"]
    done = subprocess.run(command, input=json.dumps(told), capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--instances", type=int, default=1000)
    asked.add_argument("--processes", type=int, default=4)
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--every", type=float, default=1.0, help="seconds between two calls of one instance")
    given = asked.parse_args()
    json.dump(measure(given.instances, given.processes, given.seconds, given.every), sys.stdout, indent=1)
    print()  # noqa: T201 - its report
