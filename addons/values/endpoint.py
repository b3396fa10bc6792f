"""The URL of a service to which tokens and keys are sent, as it stands in the configuration."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from addons.values.host import is_loopback


def endpoint(url: str) -> str:
    """The URL, unchanged.

    Raises:
        ValueError: it is no absolute URL, or tokens and keys must not be sent there; the message says what to write,
            and quotes nothing of the URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # whose message quotes a part of the URL
        raise ValueError("write an absolute URL, its port at most 65535: https://host:port/path") from None
    if parts.scheme not in ("https", "http") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("write an absolute URL: https://host/path")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("write the URL without user name, password and #fragment")
    if port == 0:
        raise ValueError("port 0 can't be dialled")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("plain http is allowed only to loopback, since tokens and keys are sent there: use https")
    return url


type Endpoint = Annotated[str, AfterValidator(endpoint)]
"""A URL with https, or with http to loopback; without user name, password and fragment."""


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port, as RFC 6454 §4 has them. A credential for one URL may be sent to another of its origin."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
