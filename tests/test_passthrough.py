import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from addons.passthrough import ForbiddenAddressError, Passthrough, may_be_dialled


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True),
        ("10.1.2.3", True),
        ("192.168.1.1", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("0.0.0.0", False),
        ("::", False),
        ("169.254.169.254", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("100.100.100.200", False),
        ("192.0.0.192", False),
        ("224.0.0.1", False),
        ("ff02::1", False),
        ("240.0.0.1", False),
    ],
)
def test_may_be_dialled(address: str, allowed: bool) -> None:
    assert may_be_dialled(address) is allowed


def connection_to(*address: object) -> Any:
    return SimpleNamespace(server=SimpleNamespace(address=address))


def test_a_name_is_resolved_before_it_is_judged() -> None:
    passthrough = Passthrough(["localhost:443", "10.1.2.3:443"])
    assert asyncio.run(passthrough.address_of(connection_to("10.1.2.3", 443))) == ("10.1.2.3", 443)
    with pytest.raises(ForbiddenAddressError, match="localhost leads to"):
        asyncio.run(passthrough.address_of(connection_to("localhost", 443)))


@pytest.mark.parametrize(
    ("host", "port", "listed"),
    [
        ("a.example", 443, True),
        ("A.Example", 443, True),
        ("a.example", 80, False),
        ("b.a.example", 443, False),
        ("", 0, False),
    ],
)
def test_lists(host: str, port: int, listed: bool) -> None:
    assert Passthrough(["a.Example:443"]).lists(host, port) is listed
