"""Addresses of the form HOST:PORT."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from addons.values.host import is_loopback, normal_host, without_secrets

_MOST: Final = 65535


def split_address(text: str) -> tuple[str, int]:
    """The host, in its normal form, and the port of ``127.0.0.1:8080`` or ``[::1]:8080``.

    Raises:
        ValueError: it is no such address; the message repeats nothing of it that may be a secret.
    """
    found = re.fullmatch(r"(\[[^][]+\]|[^][:]+):([0-9]{1,5})", text, re.ASCII)
    if not found or int(found[2]) > _MOST:
        shown = without_secrets(text)
        raise ValueError(f"{shown!r} is not an address; write HOST:PORT, for example 127.0.0.1:8080")
    return normal_host(found[1]), int(found[2])


def join_address(host: str, port: int) -> str:
    """HOST:PORT, for a host in its normal form. An IPv6 address gets brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(text: str) -> str:
    return join_address(*split_address(text))


def _dialled(text: str) -> str:
    host, port = split_address(text)
    if port == 0:
        raise ValueError(f"{text!r}: port 0 can't be dialled")
    return join_address(host, port)


def _passed_host(text: str) -> str:
    with_port = text if re.search(r":[0-9]*$", text) and (text.count(":") == 1 or "]:" in text) else f"{text}:443"
    host, port = split_address(with_port)
    if is_loopback(host) or port == 0:
        raise ValueError(f"{text!r}: write the name of another machine, HOST or HOST:PORT; never this machine's own")
    return join_address(host, port)


type Address = Annotated[str, AfterValidator(_address)]
"""An address to listen on; port 0 means any free port."""

type DialledAddress = Annotated[str, AfterValidator(_dialled)]
"""An address to connect to, so its port is not 0."""

type PassedHost = Annotated[str, AfterValidator(_passed_host)]
"""A host to which tunnels may be opened, as HOST:PORT; port 443 where none is written. It is no loopback address."""
