"""Where the shared ledger is: a ``postgresql://`` URL, and what libpq is told of it.

libpq is told everything: its own files (service, password, certificates) and variables (``PG…``) are not read.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from addons.values.host import is_loopback

SCHEMES: Final = ("postgresql", "postgres")
TAKEN: Final = ("sslmode", "sslrootcert")
FORM: Final = "postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full"
MODES: Final = ("disable", "require", "verify-full")
NOWHERE: Final = "/dev/null/none"  # what can't be there; of a device libpq complains on stderr
CONNECT_SECONDS: Final = 5

# No "options": a pooler takes none.
FIXED: Final[Mapping[str, str]] = {
    "application_name": "foundry-sidecar",
    "connect_timeout": str(CONNECT_SECONDS),
    "target_session_attrs": "read-write",  # behind one address may stand a replica
    "gssencmode": "disable",
    "passfile": NOWHERE,
    "sslcrl": NOWHERE,
    "sslrootcert": NOWHERE,  # where one is there, "require" verifies too
    "sslcertmode": "disable",
    "client_encoding": "utf8",
    "keepalives_idle": "30",
}


class DsnError(ValueError):
    """The URL is not right. The message holds nothing of it that may be a secret."""


def connection_parameters(url: str, *, secret: bool) -> dict[str, str]:
    """What libpq is told, by its own keywords. ``secret``: the URL came by reference, so it may hold a password.

    Raises:
        DsnError: it is no such URL, holds a password in the open, or leaves this machine without a verified server.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise DsnError(f"is no URL; write {FORM}") from None
    if parts.scheme not in SCHEMES or not host or not parts.username or not parts.path.strip("/"):
        raise DsnError(f"names no user, host and database of a PostgreSQL; write {FORM}")
    if parts.password and not secret:
        raise DsnError("a URL with a password is a secret; write {env: NAME} or {file: PATH} that holds it")
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(asked.keys() - set(TAKEN)):
        raise DsnError(f"takes no parameters but {' and '.join(TAKEN)}; it has {len(unknown)} others")
    mode = asked.get("sslmode", "disable" if is_loopback(host) else "")
    if mode != "verify-full" and not is_loopback(host):
        raise DsnError("off this machine the server must be verified: add ?sslmode=verify-full")
    if mode not in MODES:
        raise DsnError(f"takes as sslmode {', '.join(MODES)}")
    found = {
        **FIXED,
        "host": host,
        "port": str(port or 5432),
        "user": unquote(parts.username),
        "password": unquote(parts.password or ""),
        "dbname": unquote(parts.path.strip("/")),
        "sslmode": mode,
    }
    if mode == "verify-full":
        found["sslrootcert"] = asked.get("sslrootcert", "system")
    return found
