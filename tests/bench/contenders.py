"""The proxies that are measured, each a process of its own, and what the system knows of one."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from addons.foundry.caller import SCOPE
from addons.process.banner import MODEL
from tests.bench.cases import (
    ADDON,
    CASES,
    EVERYONE,
    JSON,
    LITELLM,
    LITELLM_KEY,
    MEGABYTE,
    NAMES,
    PLAIN,
    SIDECAR,
    TOKEN,
)
from tests.bench.load import Caller
from tests.ports import free_port

ROOT: Final = Path(__file__).parent.parent.parent
PROGRAM: Final = (
    "import sys, runpy; sys.modules |= dict.fromkeys(('rich', 'greenlet', 'psutil'));"
    " runpy.run_module('addons', run_name='__main__', alter_sys=True)"
)
"""The sidecar as deployed: without what tools of the tests bring, and structlog and OpenTelemetry load where it is."""

MITMDUMP: Final = (sys.executable, "-P", "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()")
START_SECONDS: Final = 180  # under valgrind on a busy machine; else a second
SETTLE_SECONDS: Final = 0.3
SAID: Final = 4000  # characters that are shown of what a proxy wrote
AMPLE: Final = {"tokens_per_minute": 10**12, "requests_per_minute": 10**9}


class BenchError(Exception):
    """A part of the measurement failed; the message says which, and what it said."""


class NotStartedError(BenchError):
    """A proxy did not start, or did not serve its first call."""


@dataclass(frozen=True)
class Proxy:
    name: str
    pid: int
    port: int
    start: float  # seconds from its creation to the end of its first served call
    memory: float  # megabytes resident, at rest after that call

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all its threads, also those that ended, to the nanosecond."""
        # Linux's name for another process's clock, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime(~self.pid << 3 | 2)


@dataclass(frozen=True)
class Provider:
    port: int
    ca_file: str


def installed() -> tuple[str, ...]:
    """The contenders there are here."""
    return EVERYONE if shutil.which(LITELLM) else NAMES


@contextmanager
def provider(directory: Path, round_trip: float = 0) -> Iterator[Provider]:
    """``round_trip``: seconds, of which a new connection takes two."""
    command = [sys.executable, "-P", "-m", "tests.bench.provider", str(directory), str(round_trip)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdin
        assert process.stdout
        port, ca_file = process.stdout.readline().strip(), process.stdout.readline().strip()
        if not ca_file:
            raise BenchError("the simulated provider did not start; see above")
        yield Provider(int(port), ca_file)
        process.stdin.close()


@contextmanager
def running(name: str, upstream: Provider, directory: Path, under: Sequence[str] = ()) -> Iterator[Proxy]:
    """A freshly started proxy that has served one call. ``under`` is the program that runs it, with its words."""
    port = free_port()
    output = directory / f"{name}-{port}.log"
    with output.open("w") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*under, *_command(name, port, upstream, directory)],
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=_environment_of(name, upstream) | {"PYTHONHASHSEED": "0"},  # the same collisions in every run
        )
        try:
            caller = Caller(port, cycle(CASES[JSON].requests(name, 1)))
            while why := _not_served(caller):
                if process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                    raise NotStartedError(f"{name} did not start: {why}\n{output.read_text()[-SAID:]}")
                time.sleep(0.005)
            start = time.perf_counter() - began
            caller.close()
            time.sleep(SETTLE_SECONDS)
            yield Proxy(name, process.pid, port, start, _resident(process.pid))
        finally:
            process.kill()
            process.wait()


def environment() -> dict[str, str]:
    """Nothing that would configure a sidecar, and this checkout's own modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIDECAR_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def _environment_of(name: str, upstream: Provider) -> dict[str, str]:
    if name != LITELLM:
        return environment()
    own = {
        "SSL_CERT_FILE": upstream.ca_file,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # which it would fetch
        "LITELLM_MASTER_KEY": LITELLM_KEY,  # without which it does not start, from 1.106 on
    }
    return {word: value for word, value in os.environ.items() if word != "PYTHONPATH"} | own


def _not_served(caller: Caller) -> str:
    """Why a call was not served; empty: it was."""
    try:
        caller.call()
    except (OSError, HTTPException, RuntimeError) as error:
        caller.close()
        return str(error) or type(error).__name__
    return ""


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / MEGABYTE for line in lines if line.startswith("VmRSS:"))


def _command(name: str, port: int, upstream: Provider, directory: Path) -> Sequence[str]:
    if name == SIDECAR:
        config = directory / f"{port}.json"
        config.write_text(json.dumps(_configuration(port, upstream, directory)))  # JSON is YAML
        return [sys.executable, "-P", "-c", PROGRAM, "start", "--config", str(config)]
    if name == LITELLM:
        config = directory / f"{port}.json"
        there = {"model": "openai/gpt-5.2", "api_base": f"https://localhost:{upstream.port}/v1", "api_key": "key"}
        config.write_text(json.dumps({"model_list": [{"model_name": MODEL, "litellm_params": there}]}))
        address = ["--host", "127.0.0.1", "--port", str(port)]
        return [LITELLM, "--config", str(config), *address, "--num_workers", "1", "--telemetry", "False"]
    # -q: printing each flow would make them dearer than they need be.
    mode = f"reverse:https://localhost:{upstream.port}@127.0.0.1:{port}"
    options = [f"ssl_verify_upstream_trusted_ca={upstream.ca_file}", f"confdir={directory}"]
    words = [*MITMDUMP, "-q", "--mode", mode, *(word for option in options for word in ("--set", option))]
    return {PLAIN: words, ADDON: [*words, "-s", str(Path(__file__).with_name("rewriting.py"))]}[name]


def _configuration(port: int, upstream: Provider, directory: Path) -> dict[str, Any]:
    """Everything on: registry, each limit, ledger, metrics, records."""
    key, tokens = directory / "key", directory / "tokens.yaml"
    key.write_text("provider-key")
    entry = {"sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "subject": "bench", "scopes": [SCOPE]}
    tokens.write_text(json.dumps([entry]))
    return {
        "listen": {"reverse": f"127.0.0.1:{port}", "admin": "127.0.0.1:0", "certificates": str(directory)},
        "provider": {
            "zero_data_retention": "attested",
            "trusted_ca": upstream.ca_file,
            "regions": {
                "global": {"url": f"https://localhost:{upstream.port}/v1", "api_key": {"file": str(key)}},
            },
        },
        "caller": {"verifier": "registry", "registry": {"file": str(tokens)}},
        "limits": {
            "storage": "memory",
            "enrollment": {"default": AMPLE},
            "project": {"default": AMPLE},
            "user": {"default": AMPLE},
            "concurrency": {"per_caller": 1000, "total": 1000},
        },
        "usage": {"ledger": str(directory / f"{port}.sqlite")},
        "log": {"format": "json"},
    }
