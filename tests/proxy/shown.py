"""A sidecar that shows all that it measures, after a call of every kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from addons.process.admin import Admin
from tests.commands.program import write_yaml
from tests.conftest import MODEL, SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.usage.postgres import Postgres

USAGE = {"simulate": "usage=100,40,20,8"}
LIMITS = {
    "user": {"default": {"tokens_per_minute": 1_000_000, "requests_per_minute": 1000}},
    "budgets": {"user": {"default": {MODEL: {"day": {"requests": 1000}}}}},
}


@contextmanager
def showing(
    make_settings: SettingsMaker, records: Records, directory: Path, postgres: Postgres, calls: int = 1
) -> Iterator[int]:
    """The port of its metrics. ``calls``: so many of each kind."""
    candidate = {"caller": {"verifier": "development"}, "provider": {"regions": {"global": {"api_key": {"env": "X"}}}}}
    file = write_yaml(directory / "candidate.yaml", candidate | {"policy": {"store_true": "coerce"}})
    settings = make_settings(
        listen={"admin": "127.0.0.1:0"},
        usage={"ledger": directory / "usage.sqlite", "shared": postgres.url()},
        limits=LIMITS,
        models={"extra": [{"rid": MODEL, "shutdown": str(datetime.now(UTC).date() + timedelta(days=30))}]},
        policy={"candidate": file},
    )
    with RunningSidecar(settings) as sidecar:
        port = next(part.port for part in sidecar.addons if isinstance(part, Admin))
        for round_ in range(calls):
            post(sidecar.port, {**HELLO, "metadata": USAGE})
            post(sidecar.port, {**HELLO, "stream": True, "metadata": USAGE})
            post(sidecar.port, {**HELLO, "stream": True, "metadata": {"simulate": "cut=2"}})
            post(sidecar.port, {**HELLO, "store": True})
            post(sidecar.port, {**HELLO, "metadata": {"simulate": "status=500"}})
            records.wait(count=5 * (round_ + 1))
        yield port
