"""Makes every hook fail closed: mitmproxy itself carries on with a flow whose hook raised.

Each row says what a hook's fault must leave behind, so that nothing goes out on the strength of a hook that
did not finish, and no caller waits for one (MITMPROXY §2).
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from mitmproxy import http, tls
from mitmproxy.connection import Client
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.call import Call
from addons.calls import Calls
from addons.checkpoint import response_of
from addons.egress import NOT_ALLOWED, Unopened
from addons.foundry.envelope import ErrorFormat
from addons.foundry.refusals import Refusal

_log = structlog.get_logger("sidecar.closed")


class Closed:
    """Guards addons' hooks; ``calls`` is where a refused flow's Call is found."""

    def __init__(self, calls: Calls, error_format: ErrorFormat = "hybrid") -> None:
        self._calls = calls
        self._error_format: ErrorFormat = error_format
        self._after_fault: Mapping[str, Callable[[Any], None]] = {
            "http_connect": self._refuse_request,
            "requestheaders": self._refuse_request,
            "request": self._refuse_request,
            "server_connect": self._refuse_dial,
            "tls_start_server": self._refuse_handshake,
            "responseheaders": self._note_refusal,
            "response": self._refuse_answer,
            "error": lambda _flow: None,  # the exchange is over, and what was said stands
            "client_disconnected": lambda _client: None,
        }

    def guard[Addon](self, addon: Addon) -> Addon:
        """The same addon, its hooks guarded."""
        for name, after_fault in self._after_fault.items():
            if hook := getattr(addon, name, None):
                setattr(addon, name, _guarded(hook, after_fault))
        return addon

    def _refuse_request(self, flow: http.HTTPFlow) -> None:
        refusal = _fault()
        flow.response = response_of(refusal, self._error_format)
        _take_back(self._calls.of(flow), refusal)

    def _refuse_dial(self, data: ServerConnectionHookData) -> None:
        data.server.error = NOT_ALLOWED
        self._refuse_connection(data.client)

    def _refuse_handshake(self, data: tls.TlsData) -> None:
        data.ssl_conn = Unopened()  # type: ignore[assignment]  # has the connection closed
        self._refuse_connection(data.context.client)

    def _refuse_connection(self, client: Client) -> None:
        """The `error` hook follows, and finds the refusal there."""
        if known := self._calls.current(client):
            _take_back(known[1], _fault())

    def _note_refusal(self, flow: http.HTTPFlow) -> None:
        """mitmproxy still puts the provider's body into the flow; Relay answers once it is there."""
        call = self._calls.of(flow)
        if call is not None and call.refusal is None:
            call.refusal = Refusal("fault", "The sidecar met a fault of its own while it took the provider's answer.")

    def _refuse_answer(self, flow: http.HTTPFlow) -> None:
        self._note_refusal(flow)
        call = self._calls.of(flow)
        if call is not None and call.refusal is not None and not (flow.response and flow.response.stream):
            flow.response = response_of(call.refusal, self._error_format)


def _fault() -> Refusal:
    return Refusal("fault", "The sidecar met a fault of its own; nothing was sent to the provider.")


def _take_back(call: Call | None, refusal: Refusal) -> None:
    if call is not None:
        call.refusal = refusal
        call.released_at = None


def _ran(outcome: object) -> None:
    if inspect.isawaitable(outcome):
        raise TypeError("the hook is asynchronous and does not look it, so it has not run")


def _guarded(hook: Callable[[Any], Any], after_fault: Callable[[Any], None]) -> Callable[[Any], Any]:
    def fault(subject: Any, error: BaseException) -> None:
        after_fault(subject)
        _log.error("fault", hook=getattr(hook, "__qualname__", repr(hook)), exc_info=error)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error

    @functools.wraps(hook)
    async def guarded_async(subject: Any) -> None:
        try:
            await hook(subject)
        except BaseException as error:  # noqa: BLE001 - whatever escapes, the flow must end closed
            fault(subject, error)

    @functools.wraps(hook)
    def guarded(subject: Any) -> None:
        try:
            _ran(hook(subject))
        except BaseException as error:  # noqa: BLE001 - as above
            fault(subject, error)

    return guarded_async if inspect.iscoroutinefunction(hook) else guarded
