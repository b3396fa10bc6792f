"""Where metrics and spans go: to whoever asks for ``/metrics``, and by OTLP/HTTP to a collector.

Sending is done by the SDK's own threads.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, GCCollector, ProcessCollector, generate_latest

from addons.call import Call
from addons.telemetry.gauge import Gauge
from addons.telemetry.metrics import Metrics
from addons.telemetry.spans import GivenIds, Spans

SERVICE: Final = "foundry-sidecar"
EXPORT_SECONDS: Final = 5.0  # an export takes no longer, retries included


class _Sink(Protocol):
    def settle(self, call: Call, record: Mapping[str, Any]) -> None: ...


class Pipeline:
    """``otlp_endpoint``: the collector's base URL; without one nothing is sent, and there are no spans."""

    def __init__(self, otlp_endpoint: str | None, gauges: Sequence[Gauge] = ()) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        readers: list[MetricReader] = [PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)]
        resource = Resource.create({"service.name": SERVICE})
        self._traces: TracerProvider | None = None
        self._sinks: list[_Sink] = []
        if otlp_endpoint:
            # imported here, because they bring an HTTP client along
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

            base = otlp_endpoint.rstrip("/")
            readers.append(
                PeriodicExportingMetricReader(OTLPMetricExporter(f"{base}/v1/metrics", timeout=EXPORT_SECONDS))
            )
            ids = GivenIds()
            self._traces = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=ids)
            self._traces.add_span_processor(
                BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces", timeout=EXPORT_SECONDS))
            )
            self._sinks.append(Spans(self._traces, ids))
        self._meters = MeterProvider(readers, resource, shutdown_on_exit=False)
        self._sinks.append(Metrics(self._meters.get_meter(SERVICE), gauges))

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        for sink in self._sinks:
            sink.settle(call, record)

    def exposition(self) -> tuple[str, bytes]:
        """Content type and text, as Prometheus reads it."""
        return CONTENT_TYPE_LATEST, generate_latest(self._registry)

    def close(self) -> None:
        """Sends what is left and ends the SDK's threads."""
        if self._traces:
            self._traces.shutdown()
        self._meters.shutdown()
