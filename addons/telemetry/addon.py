"""Addon: metrics and spans, all from the Journal's records.

OpenTelemetry's packages are imported as the sidecar starts, and only when they are wanted. One thread counts, beside
the event loop, and takes the calls that ended in a while together.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import structlog

from addons.call import Call
from addons.telemetry.gauge import Gauge

if TYPE_CHECKING:
    from addons.telemetry.pipeline import Pipeline

GATHER: Final = 0.1  # seconds in which ended calls are gathered

type Ended = tuple[Call, Mapping[str, Any]]

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
        self._ended: deque[Ended] = deque()
        self._gathering = False

    def running(self) -> None:
        from addons.telemetry.pipeline import Pipeline  # noqa: PLC0415 - see above

        self._pipeline = Pipeline(self._endpoint, self._gauges)

    async def done(self) -> None:
        """Sends what is left; takes some seconds where the collector does not answer."""
        if pipeline := self._pipeline:
            self._pipeline = None
            self._thread.submit(_settle, pipeline, self._ended)
            self._thread.submit(pipeline.close)
        await asyncio.to_thread(self._thread.shutdown)

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        """A sink of the Journal."""
        if self._pipeline is None:
            return
        self._ended.append((call, record))
        if not self._gathering:
            self._gathering = True
            asyncio.get_running_loop().call_later(GATHER, self._hand_over)

    def _hand_over(self) -> None:
        self._gathering = False
        if self._pipeline:
            self._thread.submit(_settle, self._pipeline, self._ended)

    def exposition(self) -> tuple[str, bytes]:
        """Content type and text of ``/metrics``, every call so far in it. Waits: call it off the event loop."""
        assert self._pipeline, "asked before the sidecar runs, or after"
        self._thread.submit(_settle, self._pipeline, self._ended)
        return self._thread.submit(self._pipeline.exposition).result()


def _settle(pipeline: "Pipeline", ended: deque[Ended]) -> None:
    while ended:
        try:
            pipeline.settle(*ended.popleft())
        except Exception as error:  # noqa: BLE001 - what is not counted must be told
            _log.error("telemetry_failed", exc_info=error)
