"""Addresses that the sidecar never connects to, and the check of what a name resolves to.

For unread tunnels and for Foundry's own host names. The provider's addresses come from the configuration alone.
"""

import ipaddress
import socket
from typing import Final

from addons.exchange.upstream.name_lookup import look_up

METADATA: Final = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "fd00:ec2::254", "192.0.0.192")))
"""Cloud metadata services that are not link-local: Alibaba's, AWS's by IPv6, Oracle's."""


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
    """Whether an IP address is no local address by its kind, and no metadata service. Private networks are allowed."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    own = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    return not (own or address.is_reserved or address in METADATA)


def is_own(host: str) -> bool:
    """Whether an IP address is one of this machine's interfaces: the system lets nobody else bind to it.

    Through it the sidecar's own listeners could be reached, the operator's among them.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((host, 0))
        except OSError:
            return False
        return True
