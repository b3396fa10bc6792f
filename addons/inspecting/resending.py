"""Addon and observer: mitmweb's Replay. It leaves the call as it was, and says why nothing is sent.

mitmproxy's own command would take the answer off the flow and make a connection by itself; ours stands in its place,
under the same name. With ``inspect.resend: allow`` it makes a new call of the flow's request: on a connection of its
own like any caller's, so that it goes through every gate. For that the caller's token is kept in memory for a while,
beside the flow and never in it.
"""

import asyncio
import contextvars
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

import structlog
from mitmproxy import command, ctx, flow, http
from mitmproxy.utils.emoji import emoji

from addons.exchange.caller_connection import CallerConnection
from addons.exchange.observing import Observed, Observer
from addons.exchange.wire import Peer, Wire
from addons.inspecting.conversation_view import NOTE
from addons.inspecting.edited_head import is_one_head
from addons.inspecting.flow_of_exchange import HIDDEN
from addons.verifiers.token_cache import verify_again

PROOF_SECONDS: Final = 300.0
"""How long a caller's token is kept, from the end of the call that the caller itself made."""

NOT_ALLOWED: Final = "Nothing was sent again: inspect.resend is refuse. With allow, Replay makes a new call of it."
UNDER_WAY: Final = "Nothing was sent again: the call is still under way."
NO_PROOF: Final = (
    f"Nothing was sent again: its caller's token is not in memory. It is kept for {PROOF_SECONDS / 60:.0f} minutes, of"
    " calls for the model provider whose caller was known by it."
)
NOT_A_REQUEST: Final = "Nothing was sent again: the edited method, path or a header is not as HTTP has it."
NOT_HTTP: Final = "Nothing was sent again: only HTTP calls can be."

_NOT_AGAIN: Final = frozenset((b"content-length", b"transfer-encoding", b"connection", b"expect"))

_log = structlog.get_logger("sidecar.resending")


class Proof(NamedTuple):
    """What a caller showed, where it called from, and until when that is kept, in the event loop's seconds.

    ``until`` is 0 while the caller's own call is under way.
    """

    authorization: tuple[str, ...]
    peer: Peer
    until: float = 0.0


_resent_by: Final = contextvars.ContextVar("_resent_by", default=0.0)
"""Until when the proof is kept by which a call is made again: that of the new call lives no longer."""


class Resending(Observer):
    """``connect`` makes a caller's connection, as for one that has come."""

    name = "sidecar-resending"

    def __init__(self, resend: Literal["refuse", "allow"], connect: Callable[[Wire, Peer], CallerConnection]) -> None:
        self._allowed = resend == "allow"
        self._connect = connect
        self._shown: dict[str, Proof] = {}  # by the call's id, until its caller is known
        self._proofs: dict[str, Proof] = {}

    # moments of an exchange

    def opened(self, exchange: Observed) -> None:
        call = exchange.call
        if not self._allowed or call.client_identity is not None:  # whom a certificate names is proven by no token
            return
        if authorization := call.credentials.get("authorization"):
            peer = Peer(call.peer or "", call.listener, call.encrypted, call.server_name, by_hand=("resent",))
            self._shown[call.id] = Proof(authorization, peer, _resent_by.get())

    def ended(self, exchange: Observed, record: object) -> None:  # noqa: ARG002 - as every observer's
        call = exchange.call
        proof = self._shown.pop(call.id, None)
        if proof and call.caller is not None and call.to == "provider":
            loop = asyncio.get_running_loop()
            until = proof.until or loop.time() + PROOF_SECONDS
            self._proofs[call.id] = proof._replace(until=until)
            loop.call_at(until, self._proofs.pop, call.id, None)

    def done(self) -> None:
        self._proofs.clear()

    # commands

    @command.command("replay.client")  # type: ignore[untyped-decorator]  # mitmproxy's own is not typed
    def resend(self, flows: Sequence[flow.Flow]) -> None:
        """Makes a new call of each, where inspect.resend allows it; otherwise says why not."""
        for each in flows:
            if why := self._why_not(each):
                _log.warning("not_sent_again", why=why, **{"call.id": each.id})
                _note(each, why)
            else:
                assert isinstance(each, http.HTTPFlow)
                self._send(each, self._proofs[each.id])

    def _why_not(self, each: flow.Flow) -> str | None:
        if not isinstance(each, http.HTTPFlow):
            return NOT_HTTP
        if each.live:
            return UNDER_WAY
        if not self._allowed:
            return NOT_ALLOWED
        if not is_one_head(each.request):  # what would stand behind it, the caller's token above all, is a shown body
            return NOT_A_REQUEST
        return None if each.id in self._proofs else NO_PROOF

    def _send(self, each: http.HTTPFlow, proof: Proof) -> None:
        connection = self._connect(NoWire(), proof.peer)
        context = contextvars.copy_context()
        context.run(verify_again.set, True)
        context.run(_resent_by.set, proof.until)
        _log.info("sent_again", **{"call.id": each.id})
        context.run(connection.received, b"".join(_request(each, proof)))


def _request(each: http.HTTPFlow, proof: Proof) -> Iterator[bytes]:
    """As a caller would send it. Values that the flow hides are left out; none of them reaches the provider."""
    request = each.request
    body = request.raw_content or b""
    target = request.data.path
    yield b"%b %b HTTP/1.1\r\n" % (request.data.method, target)
    for name, value in request.headers.fields:
        if value != HIDDEN and name.lower() not in _NOT_AGAIN and name.lower() != b"authorization":
            yield b"%b: %b\r\n" % (name, value)
    for shown in proof.authorization:
        yield b"Authorization: %b\r\n" % shown.encode("latin-1")
    yield b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    yield body


def _note(each: flow.Flow, why: str) -> None:
    """Where a person looks: before the comment, and in the view."""
    mark = emoji[":leftwards_arrow_with_hook:"]
    if not each.comment.startswith(mark):
        each.comment = f"{mark} not sent again · {each.comment}"
    each.metadata[NOTE] = why
    view = ctx.master.addons.get("view")
    if view is not None:
        view.update([each])


class NoWire:
    """The wire of a call that nobody waits for: its flow has the answer."""

    unsent = 0

    def write(self, data: bytes) -> None:
        pass

    async def drain(self) -> None:
        pass

    def end(self) -> None:
        pass

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def hung_up(self) -> bool:
        return False

    def is_quiet(self) -> bool:
        return True

    def go_on(self) -> None:
        pass
