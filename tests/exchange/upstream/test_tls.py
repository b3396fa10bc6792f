"""How a connection to a provider ends as TLS has it."""

import ssl
from pathlib import Path

import pytest

from addons.exchange.upstream.tls import TlsSession
from addons.simulator.certificates import LOOPBACK, Authority
from tests.exchange.upstream.provider import destination


@pytest.mark.parametrize("says_so", [True, False])
def test_the_provider_is_told_that_no_more_will_come(certificates: Path, says_so: bool) -> None:
    authority = Authority(certificates / "upstream")
    session = TlsSession(destination(443, authority.file))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    provider = authority.server_context(LOOPBACK).wrap_bio(incoming, outgoing, server_side=True)
    while not session.shake_hands(outgoing.read()):
        incoming.write(session.to_send())
        try:
            provider.do_handshake()
        except ssl.SSLWantReadError:
            continue
    incoming.write(session.to_send())
    provider.do_handshake()
    incoming.write(session.close_notify() if says_so else b"")
    if says_so:
        assert provider.read() == b""
    else:
        with pytest.raises(ssl.SSLWantReadError):
            provider.read()
