"""Where an unread tunnel of the explicit proxy may lead."""

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from typing import Final

from mitmproxy.proxy.mode_specs import RegularMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

METADATA: Final = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "fd00:ec2::254", "192.0.0.192")))
"""Cloud metadata services that are not link-local: Alibaba's, AWS's by IPv6, Oracle's."""


class ForbiddenAddressError(Exception):
    """A name leads to this machine itself or to a metadata service."""


class Passthrough:
    """``hosts`` are HOST:PORT, as the operator lists them."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)

    def lists(self, host: str, port: int) -> bool:
        return f"{host}:{port}".lower() in self._hosts

    def concerns(self, data: ServerConnectionHookData) -> bool:
        """Whether this is an unread tunnel to a listed host, as opposed to a call that was judged."""
        server = data.server
        explicit = isinstance(data.client.proxy_mode, RegularMode)
        return explicit and not server.tls and server.via is None and self.lists(*(server.address or ("", 0)))

    async def address_of(self, data: ServerConnectionHookData) -> tuple[str, int]:
        """The address to dial.

        Raises:
            ForbiddenAddressError: any of the name's addresses may not be dialled.
            OSError: the name can't be resolved.
        """
        assert data.server.address
        return await resolve(*data.server.address)


async def resolve(host: str, port: int) -> tuple[str, int]:
    """An address of the name that may be dialled; looked up here, so that the one dialled is the one looked at.

    Raises:
        ForbiddenAddressError: any of the name's addresses may not be dialled.
        OSError: the name can't be resolved.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [(str(entry[4][0]), int(entry[4][1])) for entry in found]
    if forbidden := [address for address, _ in addresses if not may_be_dialled(address)]:
        raise ForbiddenAddressError(f"{host} leads to {forbidden[0]}")
    return addresses[0]


def may_be_dialled(host: str) -> bool:
    """Whether an IP address is none of this machine's own and no metadata service. Private networks may be."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    own = address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
    return not (own or address.is_reserved or address in METADATA)
