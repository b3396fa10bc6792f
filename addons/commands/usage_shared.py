"""The shared ledger, as the operators' commands reach it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from addons.configuration.errors import ConfigurationError
from addons.usage.ledger_file import LedgerError
from addons.usage.shared_faults import READ, why
from addons.usage.shared_ledger import SharedLedger, SharedLedgerError, parameters
from addons.values.secret import Secret


@contextmanager
def connected(url: str | Secret | None) -> Iterator[psycopg.Connection[Any]]:
    """A connection that sees one moment and writes nothing.

    Raises:
        ConfigurationError: the configuration names no shared ledger.
        LedgerError: it can't be reached or read.
    """
    try:
        with psycopg.connect(**{**parameters(_named(url)), "target_session_attrs": "any"}) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield connection
    except SharedLedgerError as error:
        raise LedgerError(str(error)) from None
    except psycopg.Error as error:
        raise LedgerError(f"the shared ledger can't be read: {why(error, READ)} (usage.shared)") from None


def migrate(url: str | Secret | None) -> int:
    """Makes the shared ledger's tables and functions, or brings them up to date."""

    async def prepare() -> None:
        shared = SharedLedger(_named(url))
        try:
            await shared.prepare()
        finally:
            await shared.close()

    try:
        asyncio.run(prepare())
    except SharedLedgerError as error:
        raise LedgerError(f"the shared ledger can't be prepared: {error}") from None
    print("the shared ledger is ready")
    return 0


def _named(url: str | Secret | None) -> str | Secret:
    if url is None:
        raise ConfigurationError("usage.shared: no shared ledger is configured")
    return url
