"""Addon: has metrics, spans and the collector's records made from the Journal's records.

That is done on one thread beside the event loop, for all calls together that ended within a tenth of a second. The
thread also imports OpenTelemetry's packages, and only where telemetry is wanted, so that no call waits for them.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import structlog

from addons.call import Call
from addons.journal.readings import Reading

if TYPE_CHECKING:
    from addons.journal.pipeline import Pipeline

GATHER: Final = 0.1  # seconds in which ended calls are gathered
TRY_AGAIN_EVERY: Final = 10.0  # seconds; what lacked at the start, such as descriptors, may be there later

type Ended = tuple[Call, Mapping[str, Any]]

_log = structlog.get_logger("sidecar.telemetry")


class Telemetry:
    """The arguments are those of ``Pipeline``.

    Among the addons it must come after all that end calls in their hook ``done``: it must still get those records.
    """

    name = "sidecar-telemetry"

    def __init__(
        self,
        otlp_endpoint: str | None,
        readings: Sequence[Reading] = (),
        about: Mapping[str, str] | None = None,
        *,
        otlp_records: bool = False,
    ) -> None:
        self._endpoint = otlp_endpoint
        self._otlp_records = otlp_records
        self._readings = readings
        self._about = about
        self._pipeline: Pipeline | None = None
        self._tried_at = 0.0
        self._thread = ThreadPoolExecutor(1, "telemetry")
        self._ended: deque[Ended] = deque()
        self._counts = False
        self._gathering = False

    def load(self, _loader: object) -> None:
        """mitmproxy's hook at the start. ``running`` would be too late: calls come as soon as the port listens."""
        self._counts = True
        self._thread.submit(self._build)

    async def done(self) -> None:
        """mitmproxy's hook at the end: sends what waits. It takes some seconds where the collector does not answer."""
        self._counts = False
        self._thread.submit(self._settle)
        self._thread.submit(self._close)
        await asyncio.to_thread(self._thread.shutdown)

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        """A sink of the Journal. Returns at once."""
        if not self._counts:
            return
        self._ended.append((call, record))
        if not self._gathering:
            self._gathering = True
            asyncio.get_running_loop().call_later(GATHER, self._hand_over)

    def exposition(self) -> tuple[str, bytes]:
        """Content type and text of ``/metrics``, with every call that has ended. Blocks: call it on another thread."""
        self._thread.submit(self._settle)
        return self._thread.submit(self._expose).result()

    def _hand_over(self) -> None:
        self._gathering = False
        if self._counts:
            self._thread.submit(self._settle)

    # on the thread

    def _build(self) -> None:
        self._tried_at = time.monotonic()
        try:
            from addons.journal.pipeline import Pipeline  # noqa: PLC0415 - it takes long, and this runs on the thread

            self._pipeline = Pipeline(
                self._endpoint, self._readings, self._about, _not_sent, otlp_records=self._otlp_records
            )
        except Exception as error:  # noqa: BLE001 - calls are served without telemetry too
            _log.error("telemetry_not_started", exc_info=error)

    def _built(self) -> "Pipeline | None":
        if self._pipeline is None and time.monotonic() - self._tried_at >= TRY_AGAIN_EVERY:
            self._build()
        return self._pipeline

    def _settle(self) -> None:
        if self._built() is None:
            self._ended.clear()
        while self._pipeline and self._ended:
            try:
                self._pipeline.settle(*self._ended.popleft())
            except Exception as error:  # noqa: BLE001 - one call that can't be counted keeps no other from it
                _log.error("telemetry_failed", exc_info=error)

    def _expose(self) -> tuple[str, bytes]:
        pipeline = self._built()
        assert pipeline, "telemetry did not start"
        return pipeline.exposition()

    def _close(self) -> None:
        if self._pipeline:
            self._pipeline.close()


def _not_sent(error: Exception) -> None:
    _log.error("metrics_not_sent", exc_info=error)
