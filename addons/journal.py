"""Addon: exactly one record a call, however it ends."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from mitmproxy import http
from mitmproxy.connection import Client

from addons.call import Call
from addons.calls import Calls
from addons.record import decision, record_of
from addons.responses.canary import alarms_of

_log = structlog.get_logger("sidecar.call")


type Sink = Callable[[Call, Mapping[str, Any]], None]
"""Gets every call that ended, with its record. Must not block; what it raises is logged and stops no other."""


class Journal:
    name = "sidecar-journal"

    def __init__(self, calls: Calls, sinks: Sequence[Sink] = ()) -> None:
        self._calls = calls
        self._sinks = sinks

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
        if call.answer.facts:
            call.alarms += alarms_of(call.answer.facts, call.document.get("service_tier"))
        record = record_of(call, self._status(flow, call))
        flow.metadata["sidecar"] = record
        for alarm in call.alarms:
            _log.error("alarm", alarm=alarm, **{"call.id": call.id, "trace_id": call.trace.trace_id})
        level = _log.info if decision(call) == "served" else _log.warning
        level("call", **record)
        for sink in self._sinks:
            try:
                sink(call, record)
            except Exception as error:  # noqa: BLE001 - one that fails must not keep the others from their work
                _log.error("sink_failed", sink=repr(sink), exc_info=error)

    @staticmethod
    def _status(flow: http.HTTPFlow, call: Call) -> int | None:
        """What the caller got; None where it left, or the line was cut, before anything was said."""
        if call.refusal and not (flow.error and not flow.client_conn.connected):
            return call.refusal.kind.status
        return flow.response.status_code if flow.response and call.answer.status else None
