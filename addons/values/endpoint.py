"""The address of a service that is asked, as it stands in the configuration."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from addons.values.host import is_loopback


def endpoint(url: str) -> str:
    """The URL itself.

    Raises:
        ValueError: tokens and keys can't travel there safely; the message says what to write.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # whose own words quote a part of it
        raise ValueError("write an absolute URL, its port at most 65535: https://host:port/path") from None
    if parts.scheme not in ("https", "http") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("write an absolute URL: https://host/path")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("write the URL without user name, password and #fragment")
    if port == 0:
        raise ValueError("port 0 can't be dialled")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("plain http is allowed to loopback alone, tokens and keys travel here: use https")
    return url


type Endpoint = Annotated[str, AfterValidator(endpoint)]


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what must agree for a credential to travel along."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
