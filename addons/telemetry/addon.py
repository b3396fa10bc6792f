"""Addon: metrics and spans, all from the Journal's records.

OpenTelemetry's packages are imported as the sidecar starts, and only when they are wanted. Counting a call takes the
SDK 0.1 to 0.2 ms, so one thread does it, beside the event loop.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import structlog

from addons.call import Call
from addons.telemetry.gauge import Gauge

if TYPE_CHECKING:
    from addons.telemetry.pipeline import Pipeline

_log = structlog.get_logger("sidecar.telemetry")


class Telemetry:
    """``otlp_endpoint``: base URL of an OTLP/HTTP collector, if any.

    Stands behind the Journal, whose last records it must still get.
    """

    name = "sidecar-telemetry"

    def __init__(self, otlp_endpoint: str | None, gauges: Sequence[Gauge] = ()) -> None:
        self._endpoint = otlp_endpoint
        self._gauges = gauges
        self._pipeline: Pipeline | None = None
        self._thread = ThreadPoolExecutor(1, "telemetry")

    def running(self) -> None:
        from addons.telemetry.pipeline import Pipeline  # noqa: PLC0415 - see above

        self._pipeline = Pipeline(self._endpoint, self._gauges)

    async def done(self) -> None:
        """Sends what is left; takes some seconds where the collector does not answer."""
        if pipeline := self._pipeline:
            self._pipeline = None
            self._thread.submit(pipeline.close)
        await asyncio.to_thread(self._thread.shutdown)

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        """A sink of the Journal."""
        if self._pipeline:
            self._thread.submit(_settle, self._pipeline, call, record)

    def exposition(self) -> tuple[str, bytes]:
        """Content type and text of ``/metrics``, every call so far in it. Waits: call it off the event loop."""
        assert self._pipeline, "asked before the sidecar runs, or after"
        return self._thread.submit(self._pipeline.exposition).result()


def _settle(pipeline: "Pipeline", call: Call, record: Mapping[str, Any]) -> None:
    try:
        pipeline.settle(call, record)
    except Exception as error:  # noqa: BLE001 - what is not counted must be told
        _log.error("telemetry_failed", exc_info=error)
