"""The ledger that a fleet shares, in PostgreSQL: the same rows as the local one, written again as often as needed."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.errors import InvalidSchemaName, UndefinedFunction

from addons.usage.dsn import DsnError, connection_parameters
from addons.usage.shared_faults import SUM, WRITE, why
from addons.usage.shared_schema import COLUMNS, LOCK, MIGRATION, SCHEMA, VERSION
from addons.values.secret import Secret, SecretError

DEADLINE: Final = 30.0  # seconds for one batch, whatever the server does
OTHER_VARIABLES: Final = ("PGTZ", "PGDATESTYLE", "PGGEQO", "PGSERVICEFILE", "PGSYSCONFDIR", "PGLOCALEDIR")
"""What libpq reads beside the variables of its options."""

_WRITE: Final = f"SELECT {SCHEMA}.usage_write(%s::jsonb)"
_SUMS: Final = f"SELECT * FROM {SCHEMA}.usage_sums(to_timestamp(%s))"  # noqa: S608 - our own words
_VERSION: Final = f"SELECT {SCHEMA}.usage_version()"


class SharedLedgerError(Exception):
    """The shared ledger can't be used now. The message is fit for a log: no password, no row is in it.

    ``rows_at_fault``: it can be used, and won't take these rows, however often they are written.
    """

    def __init__(self, why: str, *, rows_at_fault: bool = False) -> None:
        super().__init__(why)
        self.rows_at_fault = rows_at_fault


class SharedLedger:
    """One connection, opened when needed; after any error the next call connects again. One event loop uses it."""

    def __init__(self, url: str | Secret, deadline: float = DEADLINE) -> None:
        self._url = url
        self._deadline = deadline
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Has rows written, all or none; those that are there and closed stay as they are.

        Raises:
            SharedLedgerError: they were not, as far as is known. To write them again does no harm.
        """
        await self._do(_WRITE, json.dumps([_told(row) for row in rows]))

    async def sums(self, since: float) -> list[tuple[Any, ...]]:
        """Model, caller, projects, calls, tokens and cost of all calls since a Unix time. Raises SharedLedgerError."""
        return await self._do(_SUMS, str(since))

    async def prepare(self) -> None:
        """Connects, and makes or brings up to date what is missing. Raises SharedLedgerError."""
        await self._do("SELECT 1")

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _do(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(self._deadline):
                connection = await self._connected()
                cursor = await connection.execute(statement, values, prepare=False)  # a pooler may stand in between
                return await cursor.fetchall()
        except TimeoutError:
            await self.close()
            raise SharedLedgerError(f"no answer within {self._deadline:.0f} s") from None
        except (psycopg.Error, OSError) as error:
            await self.close()
            at_fault = isinstance(error, psycopg.DataError | psycopg.IntegrityError)
            raise SharedLedgerError(why(error, SUM if statement == _SUMS else WRITE), rows_at_fault=at_fault) from None

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            connection = await psycopg.AsyncConnection.connect(
                **await asyncio.to_thread(parameters, self._url), autocommit=True
            )
            try:
                await _bring_up_to_date(connection)
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
        return self._connection


def parameters(url: str | Secret) -> dict[str, Any]:
    """What libpq is told. Touches the disk.

    Raises:
        SharedLedgerError: the URL can't be had, or is not right.
    """
    for name in (*(each.envvar.decode() for each in pq.Conninfo.get_defaults() if each.envvar), *OTHER_VARIABLES):
        os.environ.pop(name, None)  # libpq would read it
    try:
        if isinstance(url, Secret):
            return {**connection_parameters(url.read(), secret=True)}
        return {**connection_parameters(url, secret=False)}
    except (SecretError, DsnError) as error:
        raise SharedLedgerError(f"usage.shared: {error}") from None


async def _bring_up_to_date(connection: psycopg.AsyncConnection[Any]) -> None:
    """Makes the schema where there is none or an older one. Of several sidecars that try, one does it."""
    if await _version(connection) >= VERSION:
        return
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '5s'")
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,), prepare=False)
        if await _version(connection) < VERSION:
            await connection.execute(MIGRATION)


async def _version(connection: psycopg.AsyncConnection[Any]) -> int:
    """0 where there is no schema."""
    try:
        async with connection.transaction():
            cursor = await connection.execute(_VERSION)
            row = await cursor.fetchone()
    except (UndefinedFunction, InvalidSchemaName):
        return 0
    return int(row[0]) if row else 0


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: row[name] for name in COLUMNS if row.get(name) is not None}
    return known | {"opened_at": datetime.fromtimestamp(row["opened_at"], UTC).isoformat()}
