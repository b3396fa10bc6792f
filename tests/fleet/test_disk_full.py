"""The shared ledger's disk is full: rows stay where they are, and are carried when there is room."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.usage.ledger_writer import LedgerWriter
from tests.records import Records
from tests.usage.postgres import Postgres, own_postgres
from tests.usage.test_shipper import ledger, shipping, write

__all__ = ["ledger", "own_postgres"]
pytestmark = pytest.mark.fleet

PAGES = 40  # of 4 KiB: room for the tables, and for few rows


@pytest.fixture
def small_disk(own_postgres: Postgres) -> Iterator[Path]:
    """Where the server keeps tables from now on."""
    disk = own_postgres.directory / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"nr_blocks={PAGES}", "tmpfs", disk], check=True)
    try:
        own_postgres.give(disk)
        own_postgres.ask(f"CREATE TABLESPACE small LOCATION '{disk}'")
        own_postgres.ask("ALTER ROLE owner SET default_tablespace = small")
        yield disk
    finally:
        own_postgres.stop()
        subprocess.run(["umount", disk], check=True)


def test_rows_wait_for_room(ledger: LedgerWriter, own_postgres: Postgres, small_disk: Path, records: Records) -> None:
    with shipping(ledger, own_postgres):
        for number in range(400):
            write(ledger, str(number), caller="x" * 200)
        (told,) = records.wait("usage_not_shipped")
        assert told["why"] == "DiskFull (53100)"
        assert not records.of("usage_row_not_taken")
        subprocess.run(["mount", "-o", "remount,nr_blocks=10000", small_disk], check=True)
        records.wait("usage_shipped_again")
    assert own_postgres.ask("SELECT count(*) FROM foundry_usage.call WHERE state = 'closed'") == [(400,)]
