"""The only code that sends to the provider and to Foundry. It takes what ``judging`` made, and nothing else.

The credential (the provider's key, or the caller's own token for Foundry) is added to the judged head only here, when
the bytes are sent. It is in no flow, no record and no Call.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from addons.call import Headers, Outbound
from addons.exchange.foundry_addresses import address_of
from addons.exchange.judging import Forwarded, Judged, held_to
from addons.exchange.rules import Rules
from addons.exchange.upstream.answer_receiver import AnswerReceiver
from addons.exchange.upstream.destination import Destination
from addons.exchange.upstream.pool import UpstreamPool

FOUNDRY: Final = "foundry"
"""The group of connections to Foundry; no region of the provider bears that name."""


class Sent(Protocol):
    """A request that was sent: its connection, by which nothing more can be sent."""

    @property
    def reused(self) -> bool:
        """Whether the connection had served a call before."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def abort(self) -> None: ...


async def send_to_provider(judged: Judged, credential: bytes, pool: UpstreamPool, receiver: AnswerReceiver) -> Sent:
    """Sends the request with the provider's key; ``receiver`` is told of the answer.

    Raises:
        UpstreamFailure: no connection can be had; nothing was sent.
    """
    judged = held_to(Judged, judged)
    head = _head(judged.outbound, b"Authorization: Bearer " + credential + b"\r\n")
    connection = await pool.connect(judged.destination)
    connection.send((head, *judged.outbound.pieces), receiver)
    return connection


async def forward_to_foundry(forwarded: Forwarded, rules: Rules, pool: UpstreamPool, receiver: AnswerReceiver) -> Sent:
    """Sends the request with the caller's own credentials.

    Raises:
        UpstreamFailure: as ``send_to_provider``.
        Refusal: Foundry's name can't be resolved, or resolves to a forbidden address.
    """
    forwarded = held_to(Forwarded, forwarded)
    outbound = forwarded.outbound
    address = await address_of(outbound.host, rules.foundry)
    head = _head(outbound, b"".join(_lines(forwarded.credentials)))
    connection = await pool.connect(Destination(FOUNDRY, address, outbound.host, rules.foundry_trust))
    connection.send((head, *outbound.pieces), receiver, answer_has_body=outbound.method != "HEAD")
    return connection


def _head(outbound: Outbound, credentials: bytes) -> bytes:
    lines = [f"{outbound.method} {outbound.path} HTTP/1.1\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in outbound.headers]
    return b"".join(("".join(lines).encode("latin-1"), credentials, b"Content-Length: %d\r\n\r\n" % outbound.body_size))


def _lines(credentials: Headers) -> Iterator[bytes]:
    for name, values in credentials.items():
        for value in values:
            yield f"{name.title()}: {value}\r\n".encode("latin-1")
