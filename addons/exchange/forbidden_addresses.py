"""Addresses that the sidecar never connects to, and the check of what a name resolves to.

For unread tunnels and for Foundry's own host names. The provider's addresses come from the configuration alone.
"""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

from addons.exchange.upstream.name_lookup import look_up

type Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

PRIVATE: Final = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7"),
    )
)
"""Networks that operators give addresses from: RFC 1918, RFC 6598, RFC 4193; and RFC 2544, out of which programs on a
developer's machine answer for names.
"""

METADATA: Final = tuple(
    map(
        ipaddress.ip_network,
        ("168.63.129.16", "100.100.100.200", "fd00:ec2::/32", "fd20:ce::254", "fd00:42::42"),
    )
)
"""Metadata services of clouds among public and private addresses: Azure's, Alibaba's, AWS's, Google's, Scaleway's."""

TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""NAT64: the last four bytes are an IPv4 address, which has to be a public one (RFC 6052 §3.1)."""


class ForbiddenAddressError(Exception):
    """A name resolves to this machine itself or to a metadata service."""


async def resolve(host: str, port: int) -> tuple[str, int]:
    """An address of the name that may be used. Connect to this address, and do not resolve the name again.

    Raises:
        ForbiddenAddressError: any of the name's addresses may not be dialled.
        OSError: the name can't be resolved.
    """
    addresses = [(str(entry[4][0]), int(entry[4][1])) for entry in await look_up(host, port)]
    if forbidden := [address for address, _ in addresses if not may_be_dialled(address) or is_own(address)]:
        raise ForbiddenAddressError(f"{host} leads to {forbidden[0]}")
    return addresses[0]


def may_be_dialled(host: str) -> bool:
    """Whether an IP address is a public one or of a private network, and no metadata service.

    Those of 6to4 and Teredo, behind which any IPv4 address may lie, are neither.
    """
    address = _meant(host)
    return (_is_public(address) or _is_in(address, PRIVATE)) and not _is_in(address, METADATA)


def _meant(host: str) -> Ip:
    """The IP address itself, or the IPv4 address that it stands for."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in TRANSLATED and _is_public(inner := ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)):
            return inner
        return address.ipv4_mapped or address
    return address


def _is_public(address: Ip) -> bool:
    """For Python site-local addresses, which are no more in use, and multicast are global too."""
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not (site_local or address.is_multicast or address.is_reserved)


def _is_in(address: Ip, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address in network for network in networks)


def is_own(host: str) -> bool:
    """Whether an IP address is one of this machine's interfaces: the system lets nobody else bind to it.

    Through it the sidecar's own listeners could be reached, the operator's among them.
    """
    address = _meant(host)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004 - IPv6
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((str(address), 0))
        except OSError:
            return False
        return True
