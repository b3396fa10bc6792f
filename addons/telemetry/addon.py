"""Addon: metrics and spans, all from the Journal's records.

OpenTelemetry's packages are imported as the sidecar starts, and only when they are wanted.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from addons.call import Call
from addons.telemetry.gauge import Gauge

if TYPE_CHECKING:
    from addons.telemetry.pipeline import Pipeline


class Telemetry:
    """``otlp_endpoint``: base URL of an OTLP/HTTP collector, if any.

    Stands behind the Journal, whose last records it must still get.
    """

    name = "sidecar-telemetry"

    def __init__(self, otlp_endpoint: str | None, gauges: Sequence[Gauge] = ()) -> None:
        self._endpoint = otlp_endpoint
        self._gauges = gauges
        self._pipeline: Pipeline | None = None

    def running(self) -> None:
        from addons.telemetry.pipeline import Pipeline  # noqa: PLC0415 - see above

        self._pipeline = Pipeline(self._endpoint, self._gauges)

    async def done(self) -> None:
        """Sends what is left; takes some seconds where the collector does not answer."""
        if self._pipeline:
            await asyncio.to_thread(self._pipeline.close)

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        """A sink of the Journal."""
        if self._pipeline:
            self._pipeline.settle(call, record)

    def exposition(self) -> tuple[str, bytes]:
        """Content type and text of ``/metrics``. Takes milliseconds: call it off the event loop."""
        assert self._pipeline
        return self._pipeline.exposition()
