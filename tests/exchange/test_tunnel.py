"""Which hosts and ports a tunnel leads to."""

import asyncio
from typing import Any

import pytest

from addons.exchange.tunnel import Tunnel, Tunnels
from addons.foundry.refusals import Refusal

HOSTS = Tunnels(["acme.example"], ["127.0.0.9:443", "198.18.0.9:8443"], "hybrid")


def leads_to(host: str, port: int) -> tuple[str, int] | None:
    nobody: Any = None
    return asyncio.run(Tunnel(HOSTS, nobody, nobody)._address(host, port))


def test_to_foundry_it_is_read() -> None:
    assert leads_to("acme.example", 443) is None


def test_to_a_listed_host_it_is_not() -> None:
    assert leads_to("198.18.0.9", 8443) == ("198.18.0.9", 8443)


@pytest.mark.parametrize(
    ("host", "port"), [("acme.example", 444), ("acme.example", 80), ("198.18.0.9", 443), ("other.example", 443)]
)
def test_to_others_there_is_none(host: str, port: int) -> None:
    with pytest.raises(Refusal) as caught:
        leads_to(host, port)
    assert (caught.value.name, caught.value.setting) == ("host_refused", "listen.passthrough_hosts")
