"""Host names and addresses, each in the one form in which they are compared."""

import ipaddress
import re
from typing import Annotated, Final

import idna
from pydantic import AfterValidator

_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")  # names in container networks may hold underscores
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_MOST: Final = 253  # characters


def normal_host(text: str) -> str:
    """The form in which a host is compared and dialled: ``API.OpenAI.com.`` is ``api.openai.com``.

    Names get lower case and lose one trailing dot; letters beyond ASCII become their IDNA form (``xn--…``). Addresses
    get their shortest form, without brackets; an IPv4 address mapped into IPv6 becomes the IPv4 address.

    Raises:
        ValueError: it is neither a name nor an address. That includes addresses in forms that resolvers accept but
            people do not write: ``2130706433``, ``0x7f.1`` and ``127.1`` are all 127.0.0.1. The message repeats
            nothing that may be a secret.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in bare or bare != text:
        return _address(bare, text)
    name = bare if bare.isascii() else _ascii(bare)
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # a name that ends in a number is read as an address, as in the URL standard
        return _address(name, text)
    if len(name) > _MOST or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError(f"{without_secrets(text)!r} is no host name")
    return name


def without_secrets(text: str) -> str:
    """A wrong URL or address as a message may show it: without query, fragment, and all before an ``@``."""
    return re.sub(r"(?s)[?#].*", "?…", re.sub(r"(?s).*@", "…@", text))


def is_same_host(one: str, other: str) -> bool:
    """Whether both are the same host. False where one of them is no host name."""
    try:
        return normal_host(one) == normal_host(other)
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether a host in its normal form is a loopback address or ``localhost``. Resolves no name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(bare: str, text: str) -> str:
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        raise ValueError(f"{without_secrets(text)!r} is no IP address; write it like 10.0.0.1 or 2001:db8::1") from None
    if text.startswith("[") and isinstance(address, ipaddress.IPv4Address):
        raise ValueError(f"{text!r}: only IPv6 addresses stand in brackets")
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise ValueError(f"{text!r} names a network interface; write only the address")
        address = address.ipv4_mapped or address
    return str(address)


def _ascii(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError:  # whose message may quote more than the name
        raise ValueError(f"{without_secrets(name)!r} is no host name") from None


def _host_alone(text: str) -> str:
    try:
        return normal_host(text)
    except ValueError:
        found = re.fullmatch(r"(?:[a-z][a-z0-9+.-]*://)?([^/:@?#\s]+)(?::[0-9]*)?(?:[/?#].*)?", text, re.IGNORECASE)
        meant = f", here {found[1]}" if found and found[1] != text else ", for example acme.palantirfoundry.com"
        shown = without_secrets(text)
        raise ValueError(f"{shown!r}: write only the host name, without https://, port and path{meant}") from None


type HostName = Annotated[str, AfterValidator(_host_alone)]
"""A host name or IP address in its normal form."""
