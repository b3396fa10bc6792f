"""Which addresses may be dialled, by their kinds: those of special registries, and what hides in one."""

import asyncio
import socket
from typing import Any, Final

import pytest

from addons.exchange.forbidden_addresses import ForbiddenAddressError, is_own, may_be_dialled, resolve

DIALLED: Final = {
    "public": "8.8.8.8",
    "public, IPv6": "2606:4700::1111",
    "private, 10": "10.0.0.7",
    "private, 172": "172.31.255.255",
    "private, 192": "192.168.1.1",
    "shared": "100.64.0.1",
    "of a program that answers for names": "198.18.0.7",
    "private, IPv6": "fd12:3456::1",
    "private, mapped": "::ffff:10.0.0.7",
    "public, mapped": "::ffff:8.8.8.8",
    "public, by NAT64": "64:ff9b::8.8.8.8",
}

FORBIDDEN: Final = {
    # this machine
    "loopback": "127.0.0.1",
    "loopback, another": "127.255.255.254",
    "loopback, IPv6": "::1",
    "loopback, mapped": "::ffff:127.0.0.1",
    "loopback, compatible": "::127.0.0.1",
    "loopback, by SIIT": "::ffff:0:127.0.0.1",
    "loopback, by NAT64": "64:ff9b::127.0.0.1",
    "loopback, by a network's own NAT64": "64:ff9b:1::127.0.0.1",
    "loopback, by 6to4": "2002:7f00:1::1",
    "loopback, by Teredo": "2001:0:7f00:1::",
    "loopback, at a Teredo server": "2001:0:808:808::80ff:fffe",
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "unspecified, IPv6": "::",
    "unspecified, mapped": "::ffff:0.0.0.0",
    "unspecified, by NAT64": "64:ff9b::",
    # private, by a way that leads elsewhere
    "private, by NAT64": "64:ff9b::10.0.0.7",
    "private, by 6to4": "2002:a00:7::1",
    "private, by Teredo": "2001:0:a00:7::",
    # this link, this site, everybody on it
    "link-local": "169.254.1.1",
    "link-local, IPv6": "fe80::1",
    "link-local, IPv6, with its link": "fe80::1%eth0",
    "link-local, by NAT64": "64:ff9b::169.254.169.254",
    "site-local": "fec0::1",
    "site-local, the last": "feff:ffff::1",
    "multicast": "224.0.0.1",
    "multicast, IPv6": "ff02::1",
    "multicast, IPv6, global": "ff0e::1",
    "broadcast": "255.255.255.255",
    # metadata
    "metadata": "169.254.169.254",
    "metadata, mapped": "::ffff:169.254.169.254",
    "metadata, by 6to4": "2002:a9fe:a9fe::1",
    "metadata of Azure": "168.63.129.16",
    "metadata of Azure, by NAT64": "64:ff9b::168.63.129.16",
    "metadata of Alibaba": "100.100.100.200",
    "metadata of Oracle": "192.0.0.192",
    "metadata of AWS": "fd00:ec2::254",
    "credentials of EKS": "fd00:ec2::23",
    "metadata of Google": "fd20:ce::254",
    "metadata of Scaleway": "fd00:42::42",
    # nobody's
    "reserved": "240.0.0.1",
    "reserved, IPv6": "4000::1",
    "for documents": "203.0.113.1",
    "for documents, IPv6": "2001:db8::1",
    "to be dropped": "100::1",
}


@pytest.mark.parametrize("address", DIALLED.values(), ids=DIALLED)
def test_dialled(address: str) -> None:
    assert may_be_dialled(address)


@pytest.mark.parametrize("address", FORBIDDEN.values(), ids=FORBIDDEN)
def test_forbidden(address: str) -> None:
    assert not may_be_dialled(address)


@pytest.mark.parametrize(
    ("address", "own"),
    [("127.0.0.1", True), ("::ffff:127.0.0.1", True), ("8.8.8.8", False), ("64:ff9b::8.8.8.8", False)],
)
def test_own(address: str, own: bool) -> None:
    assert is_own(address) is own


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        (["8.8.8.8"], ("8.8.8.8", 443)),
        (["64:ff9b::8.8.8.8", "8.8.4.4"], ("64:ff9b::808:808", 443)),
        (["8.8.8.8", "fec0::1"], None),
        (["2002:7f00:1::1"], None),
        (["127.0.0.1", "8.8.8.8"], None),
    ],
)
def test_a_name_leads_nowhere_where_any_of_its_addresses_is_forbidden(
    addresses: list[str], found: tuple[str, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS alone is played."""
    real = socket.getaddrinfo

    def played(_host: Any, port: Any, *more: Any, **how: Any) -> Any:
        return [entry for each in addresses for entry in real(each, port, *more, **how)]

    monkeypatch.setattr(socket, "getaddrinfo", played)
    if found is None:
        with pytest.raises(ForbiddenAddressError):
            asyncio.run(resolve("name.example.invalid", 443))
    else:
        assert asyncio.run(resolve("name.example.invalid", 443)) == found
