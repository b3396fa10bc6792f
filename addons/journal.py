"""Addon: exactly one record a call, however it ends."""

import structlog
from mitmproxy import http
from mitmproxy.connection import Client

from addons.call import Call
from addons.calls import Calls
from addons.record import decision, record_of

_log = structlog.get_logger("sidecar.call")


class Journal:
    name = "sidecar-journal"

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def response(self, flow: http.HTTPFlow) -> None:
        self._record(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._record(flow)

    def client_disconnected(self, client: Client) -> None:
        """A call whose flow neither ended nor failed, because mitmproxy itself did."""
        if known := self._calls.current(client):
            self._record(known[0])

    def done(self) -> None:
        for flow, _ in self._calls.open_calls():
            self._record(flow)

    def _record(self, flow: http.HTTPFlow) -> None:
        call = self._calls.of(flow)
        if call is None or call.recorded:
            return
        call.recorded = True
        self._calls.close(flow)
        if call.answer.ended is None and call.released_at is not None:
            call.answer.ended = "interrupted"
        record = record_of(call, self._status(flow, call))
        flow.metadata["sidecar"] = record
        for alarm in call.alarms:
            _log.error("alarm", alarm=alarm, **{"call.id": call.id, "trace_id": call.trace.trace_id})
        level = _log.info if decision(call) == "served" else _log.warning
        level("call", **record)

    @staticmethod
    def _status(flow: http.HTTPFlow, call: Call) -> int | None:
        """What the caller got; None where it left, or the line was cut, before anything was said."""
        if call.refusal and not (flow.error and not flow.client_conn.connected):
            return call.refusal.kind.status
        return flow.response.status_code if flow.response and call.answer.status else None
