"""Sends metrics to a collector by OTLP over HTTP, once a minute and at the end."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from addons.journal import conventions
from addons.journal.metrics import Measured
from addons.journal.sums import Distribution

EVERY: Final = 60.0  # seconds
EXPORT_SECONDS: Final = 5.0  # the deadline of one export with its retries


class Export:
    """Sends metrics on a thread of its own, which it starts.

    Args:
        endpoint: base URL of the collector, without a slash at its end.
        resource: what describes this process.
        collect: gives the metrics to send.
        failed: is called with the exception when an export can't be made.
    """

    def __init__(
        self,
        endpoint: str,
        resource: Resource,
        collect: Callable[[], Iterable[Measured]],
        failed: Callable[[Exception], object],
    ) -> None:
        self._exporter = OTLPMetricExporter(f"{endpoint}/v1/metrics", timeout=EXPORT_SECONDS)
        self._resource = resource
        self._collect = collect
        self._failed = failed
        self._began = time.time_ns()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._send_again, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Sends the metrics a last time, and ends the thread. May take ``EXPORT_SECONDS``."""
        self._ending.set()
        self._thread.join()
        self._exporter.shutdown()

    def _send_again(self) -> None:
        while not self._ending.wait(EVERY):
            self._send()
        self._send()

    def _send(self) -> None:
        try:
            metrics = [metric_of(measured, self._began, time.time_ns()) for measured in self._collect()]
            scope = InstrumentationScope("foundry-sidecar", schema_url=conventions.SCHEMA_URL)
            scoped = ScopeMetrics(scope, metrics, conventions.SCHEMA_URL)
            self._exporter.export(MetricsData([ResourceMetrics(self._resource, [scoped], self._resource.schema_url)]))
        except Exception as error:  # noqa: BLE001 - those of the next minute are sent in any case
            self._failed(error)


def metric_of(measured: Measured, began: int, now: int) -> Metric:
    """The metric as the SDK represents it. ``began`` and ``now`` are Unix times in nanoseconds."""
    row = measured.instrument
    numbers: list[NumberDataPoint] = []
    histograms: list[HistogramDataPoint] = []
    for labels, point in measured.points:
        attributes = {name: int(text) if name == conventions.SERVER_PORT else text for name, text in labels.items()}
        if isinstance(point, Distribution):
            count, (total, low, high) = sum(point.buckets), point[1:]
            histograms.append(
                HistogramDataPoint(attributes, began, now, count, total, point.buckets, row.boundaries, low, high)
            )
        else:
            numbers.append(NumberDataPoint(attributes, began, now, point))
    cumulative = AggregationTemporality.CUMULATIVE
    data: Sum | Gauge | Histogram
    if row.kind == "histogram":
        data = Histogram(histograms, cumulative)
    else:
        data = Gauge(numbers) if row.kind == "gauge" else Sum(numbers, cumulative, is_monotonic=True)
    return Metric(row.name, row.about, row.unit, data)
