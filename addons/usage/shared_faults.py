"""Why the shared ledger can't be used, in words of ours: PostgreSQL's may quote a row, libpq's the host and user."""

from typing import Final

from psycopg.errors import InsufficientPrivilege, InvalidSchemaName, UndefinedColumn, UndefinedTable

from addons.usage.shared_schema import SCHEMA

WRITE: Final = f"EXECUTE ON FUNCTION {SCHEMA}.usage_write"
SUM: Final = f"EXECUTE ON FUNCTION {SCHEMA}.usage_sums"
READ: Final = f"SELECT ON {SCHEMA}.call"

NOT_CONNECTED: Final = {
    "does not match host name": "the server's certificate is for another name than the URL's",
    "certificate verify failed": "the server's certificate is of an authority that sslrootcert does not hold",
    "root certificate file": "the file of sslrootcert is not there or can't be read",
    "server does not support SSL": "the server speaks no TLS, which sslmode asks for",
    "password authentication failed": "the server does not take this user and password",
    "no password supplied": "the server asks for a password, and the URL has none",
    "no pg_hba.conf entry": "the server's pg_hba.conf lets this user in neither from here nor so (is TLS required?)",
    "does not exist": "the server has no such database or role",
    "Connection refused": "nobody listens at the URL's host and port",
    "failed to resolve host": "the URL's host name can't be resolved",
    "session is read-only": "the server only reads: it is a replica, or was set so",
    "server is in recovery": "the server only reads: it is a replica, or was set so",
    "too many clients": "the server takes no more connections",
    "remaining connection slots": "the server takes no more connections",
    "unsupported startup parameter": "a pooler stands in between that refuses what libpq tells it",
}
"""What libpq says somewhere in its message, in its order of asking, and what we say. It gives no code for these."""


def why(error: Exception, right: str = WRITE) -> str:
    """PostgreSQL's code and kind, with what to do where we know it. No password, no row, no name of host or user.

    ``right``: what the role needs on the schema, in SQL.
    """
    if isinstance(error, InsufficientPrivilege):
        return (
            f"InsufficientPrivilege: the role lacks a right; as the schema's owner: GRANT USAGE ON SCHEMA {SCHEMA}, and"
            f" {right}; where the schema is missing or older, run usage --migrate as a role that may create it"
        )
    if isinstance(error, UndefinedTable | UndefinedColumn | InvalidSchemaName):
        return f"{type(error).__name__}: its schema {SCHEMA} is missing or older; run usage --migrate"
    kind, state = type(error).__name__, getattr(error, "sqlstate", None)
    if state:
        return f"{kind} ({state})"
    said = next((ours for theirs, ours in NOT_CONNECTED.items() if theirs in str(error)), None)
    return f"{kind}: {said}" if said else kind
