"""CONNECT: which tunnels the explicit proxy opens.

A tunnel to Foundry is decrypted, and its calls go through the gates like any other. A tunnel to a host that the
operator lists is passed on unread. There are no others: the sidecar is never an open relay, and through it nobody
reaches this machine itself.
"""

import asyncio
from collections.abc import Collection
from typing import Final, NamedTuple

import structlog

from addons.exchange.answer_bytes import refusal_bytes
from addons.exchange.caller_connection import CallerConnection
from addons.exchange.ending import Ending
from addons.exchange.forbidden_addresses import ForbiddenAddressError, resolve
from addons.exchange.request import Request
from addons.exchange.wire import OpenedTunnel
from addons.foundry.envelope import ErrorFormat
from addons.foundry.refusals import Refusal, excerpt
from addons.values.address import join_address, split_address

HTTPS: Final = 443
ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"

RESOLVE_SECONDS: Final = 10.0  # for a name to be looked up

_REFUSED: Final = (
    "This proxy serves Foundry alone. For another host the operator may list it under listen.passthrough_hosts, or the"
    " app may name it in NO_PROXY."
)

_log = structlog.get_logger("sidecar.tunnels")


class Tunnels(NamedTuple):
    """``foundry_hosts`` are the host names whose tunnels are read; ``passed`` are HOST:PORT of the unread ones."""

    foundry_hosts: Collection[str]
    passed: Collection[str]
    error_format: ErrorFormat


class Tunnel:
    """Answers one CONNECT."""

    def __init__(self, tunnels: Tunnels, caller: CallerConnection, request: Request) -> None:
        self._tunnels = tunnels
        self._caller = caller
        self._request = request
        self._task: asyncio.Task[None] | None = None
        self._ended = False

    def start(self) -> None:
        answering = self._answer()
        try:
            self._task = asyncio.Task(answering, loop=asyncio.get_running_loop(), eager_start=True)
        except BaseException:
            answering.close()
            raise

    def end(self, ending: Ending) -> None:  # noqa: ARG002 - whatever the reason, there is nobody left to answer
        self._ended = True
        if self._task is not None:
            self._task.cancel()

    async def _answer(self) -> None:
        target = self._request.target
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                host, port = split_address(target)
                address = await self._address(host, port)
        except BaseException as error:  # noqa: BLE001 - whatever escapes, the caller is answered and gets no tunnel
            if not self._ended:
                self._refuse(target, error)
            return
        try:
            self._caller.write(ESTABLISHED)
            self._caller.open_tunnel(OpenedTunnel(host, port, address))
        except BaseException as error:  # noqa: BLE001 - it is answered, so that nothing but its end can be told
            _log.error("fault", exc_info=error)
            self._caller.tunnel = None
            self._caller.abort()

    async def _address(self, host: str, port: int) -> tuple[str, int] | None:
        if host in self._tunnels.foundry_hosts and port == HTTPS:
            return None
        if join_address(host, port) not in self._tunnels.passed:
            raise Refusal("host_refused", _REFUSED, setting="listen.passthrough_hosts")
        return await resolve(host, port)

    def _refuse(self, target: str, error: BaseException) -> None:
        refusal = error if isinstance(error, Refusal) else _refusal_of(error)
        _log.warning(
            "tunnel_refused",
            target=excerpt(target),
            why=type(error).__name__,
            detail=refusal.detail,
            setting=refusal.setting,
            instance_id=refusal.instance_id,
        )
        self._caller.write(refusal_bytes(refusal, self._tunnels.error_format, close=True))
        self._caller.exchange_ended(self._request, keep=False)


def _refusal_of(error: BaseException) -> Refusal:
    match error:
        case ForbiddenAddressError():
            return Refusal(
                "host_refused",
                "This name resolves to an address that the sidecar never connects to.",
                detail=str(error),
            )
        case OSError():
            return Refusal("tunnel_unreachable", "This host name can't be resolved.")
        case ValueError():
            return Refusal("bad_target", "CONNECT takes HOST:PORT.")
        case _:
            _log.error("fault", exc_info=error)
            return Refusal("fault", "The sidecar has an internal fault; no tunnel was opened.")
