"""URLs that the sidecar connects to, in the one form in which they are compared."""

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from addons.values.host import normal_host, without_secrets

_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*/?")


def plain_url(text: str, *schemes: str) -> str:
    """A URL with its host in normal form, and without a slash at its end. It has a scheme, host, port and path only.

    Args:
        text: the URL.
        schemes: those that are allowed.

    Raises:
        ValueError: it holds anything else. The message repeats nothing of it that may be a secret.
    """
    shown = without_secrets(text)
    example = f"write {' or '.join(schemes)}://HOST[:PORT] and a path"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"this is no URL; {example}") from None  # nothing is quoted: a "port" may be a password
    if parts.scheme not in schemes or not parts.hostname or not re.fullmatch(r"[!-~]+", text):
        raise ValueError(f"{shown!r}: {example}, without spaces")
    if "@" in parts.netloc:
        raise ValueError(f"{shown!r}: a URL holds no user name and no password")
    if "?" in text or "#" in text or not _PATH.fullmatch(parts.path):
        raise ValueError(f"{shown!r} may hold a host, a port and a plain path, nothing else")
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError(f"{shown!r}: port 0 can't be dialled")
    host = normal_host(parts.hostname)
    netloc = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, netloc if port is None else f"{netloc}:{port}", parts.path.rstrip("/"), "", ""))
