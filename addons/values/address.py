"""HOST:PORT as people write it."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def split_address(text: str) -> tuple[str, int]:
    """``127.0.0.1:8080`` or ``[::1]:8080`` as host and port; raises ValueError."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.port is None or parts.path or parts.query or "@" in text:
        raise ValueError(f"{text!r} is not an address; write HOST:PORT, for example 127.0.0.1:8080")
    return parts.hostname, parts.port


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(text: str) -> str:
    split_address(text)
    return text


def _passed_host(text: str) -> str:
    host, port = split_address(text if ":" in text else f"{text}:443")
    if is_loopback(host) or port == 0:
        raise ValueError(f"{text!r}: write the name of another machine, HOST or HOST:PORT; never this machine's own")
    return f"{host}:{port}"


type Address = Annotated[str, AfterValidator(_address)]

type PassedHost = Annotated[str, AfterValidator(_passed_host)]
"""A host that tunnels may lead to; port 443 where none is written."""
