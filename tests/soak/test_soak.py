"""Hours of mixed calls leave nothing behind: no memory, descriptor or thread; each call has its one record."""

import csv
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any, Final

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import PROVIDER_KEY
from tests.ports import free_port
from tests.soak.load import FOUNDRY, KINDS, Load, Target
from tests.soak.program import Held, Program
from tests.tally import Tally

MEASURED: Final = Path(__file__).parent / "measured"
WARM_UP: Final = 0.25  # of the time: caches fill, and mitmweb's list of calls
PROXY_HOST: Final = "127.0.0.2"  # mitmproxy takes port 0 once an address
POOL: Final = (os.cpu_count() or 1) + 4  # threads that asyncio's own pool starts as it needs them, and keeps
SWING: Final = 20.0
"""Megabytes by which memory goes up and down by itself: at each moment some callers' bodies of 1 MB are held."""
SLOPE: Final = 4.0
"""Megabytes more in 10,000 calls that pass on top of it: 400 bytes a call, less than any forgotten call would hold."""


def configuration(directory: Path, provider: SimulatedProvider, admin: int) -> Path:
    (directory / "key").write_text(PROVIDER_KEY)
    plenty = {"tokens_per_minute": 1_000_000_000, "requests_per_minute": 1_000_000}
    document: dict[str, Any] = {
        "listen": {
            "reverse": "127.0.0.1:0",
            "proxy": f"{PROXY_HOST}:0",
            "admin": f"127.0.0.1:{admin}",
            "certificates": str(directory),
        },
        "foundry": {"hostnames": [FOUNDRY]},
        "provider": {
            "zero_data_retention": "attested",
            "trusted_ca": str(provider.ca_file),
            "regions": {"global": {"url": provider.url, "api_key": {"file": "key"}}},
        },
        "caller": {"verifier": "development"},
        "limits": {"user": {"default": plenty}},
        "usage": {"ledger": str(directory / "usage.sqlite")},
        "log": {"format": "json"},
        "inspect": {"port": 0, "keep_flows": 100, "keep_bytes": 8_000_000},
    }
    file = directory / "sidecar.yaml"
    file.write_text(json.dumps(document))  # JSON is YAML
    return file


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize(("command", "share"), [("start", 1.0), ("web", 0.25)])
def test_soak(
    pytestconfig: pytest.Config, provider: SimulatedProvider, tally: Tally, tmp_path: Path, command: str, share: float
) -> None:
    seconds = pytestconfig.getoption("--soak-seconds") * share
    admin = free_port()
    program = Program(command, configuration(tmp_path, provider, admin), f"127.0.0.1:{admin}")
    samples: list[tuple[float, int, Held]] = []
    with program:
        ports = {host: int(port) for host, _, port in (address.rpartition(":") for address in program.addresses)}
        target = Target(ports["127.0.0.1"], (PROXY_HOST, ports[PROXY_HOST]), tmp_path / "mitmproxy-ca-cert.pem")
        load, start = Load(target), time.monotonic()

        def sample() -> None:
            samples.append((time.monotonic() - start, sum(load.calls.values()), program.held()))
            provider.clear()  # it would remember every call

        load.run(5, sample)  # so that threads and their descriptors are there
        before = quiet(program)
        load.run(seconds, sample)
        after = quiet(program, before)
        calls, records = sum(load.calls.values()), program.events["call"]
    warm = [(count, held) for at, count, held in samples if at > WARM_UP * seconds]
    more, between = growth(warm)
    lags = sorted(held.lag for _, held in warm)
    write(MEASURED / f"{command}.csv", samples)
    figures = (
        f"{seconds:.0f} s, {calls / (seconds + 5):.0f} calls/s, {more:+.1f} MB in {between:,} calls"
        f" ({before.megabytes:.0f} MB before, {after.megabytes:.0f} after), descriptors {before.descriptors} and"
        f" {after.descriptors}, threads {before.threads} and {after.threads}, event loop's lag"
        f" {statistics.median(lags):.1f} ms, 99th of 100 {lags[len(lags) * 99 // 100]:.0f} ms"
    )
    tally.add("soak", f"{command}: {len(KINDS)} kinds of calls", tried=calls, lost=load.lost.total(), figures=figures)
    assert load.lost.total() == 0, (load.lost, load.why[:10])
    assert records == calls
    assert program.errors == []
    assert after.descriptors <= before.descriptors
    assert after.threads <= before.threads + POOL
    assert more < SWING + SLOPE * between / 10_000, figures


def quiet(program: Program, before: Held | None = None) -> Held:
    """What it holds once callers and provider have gone, or a minute later."""
    end = time.monotonic() + 60
    while True:
        time.sleep(3)
        held = program.held()
        if before is None or held.descriptors <= before.descriptors or time.monotonic() > end:
            return held


def growth(warm: list[tuple[int, Held]]) -> tuple[float, int]:
    """Megabytes, from the first quarter of the samples to the last, and how many calls lie between them."""
    quarter = max(1, len(warm) // 4)
    first, last = warm[:quarter], warm[-quarter:]
    more = statistics.median(held.megabytes for _, held in last) - statistics.median(
        held.megabytes for _, held in first
    )
    return more, statistics.median_high([count for count, _ in last]) - statistics.median_low([c for c, _ in first])


def write(file: Path, samples: list[tuple[float, int, Held]]) -> None:
    file.parent.mkdir(exist_ok=True)
    with file.open("w", newline="") as opened:
        table = csv.writer(opened)
        table.writerow(["seconds", "calls", *Held._fields])
        table.writerows([round(at, 1), count, *(round(value, 2) for value in held)] for at, count, held in samples)
