"""Gives metrics to ``/metrics``, and sends metrics, spans and records to a collector by OTLP over HTTP.

They are sent on threads of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from addons.call import Call
from addons.journal.metrics import Metrics
from addons.journal.prometheus import Exposition
from addons.journal.readings import Reading
from addons.journal.spans import GivenIds, Spans

if TYPE_CHECKING:
    from addons.journal.otlp import Export
    from addons.journal.otlp_records import RecordExporter

SERVICE: Final = "foundry-sidecar"


class Pipeline:
    """The metrics of the process, and what sends to the collector.

    Args:
        otlp_endpoint: base URL of the collector; None: nothing is sent, and there are no spans.
        readings: metrics of anything but calls.
        about: resource attributes of this process, by OpenTelemetry's names.
        failed: is called with the exception when metrics can't be sent.
        otlp_records: whether the collector gets records too.
    """

    def __init__(
        self,
        otlp_endpoint: str | None,
        readings: Sequence[Reading] = (),
        about: Mapping[str, str] | None = None,
        failed: Callable[[Exception], object] = lambda _error: None,
        *,
        otlp_records: bool = False,
    ) -> None:
        resource = Resource.create({"service.name": SERVICE, **(about or {})})
        self._metrics = Metrics(readings)
        self._exposition = Exposition(self._metrics.collect, {k: str(v) for k, v in resource.attributes.items()})
        self._traces: TracerProvider | None = None
        self._spans: Spans | None = None
        self._export: Export | None = None
        self._records: RecordExporter | None = None
        if otlp_endpoint:
            self._send_to(otlp_endpoint.rstrip("/"), resource, failed, records=otlp_records)

    def _send_to(self, base: str, resource: Resource, failed: Callable[[Exception], object], *, records: bool) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - it brings an HTTP client along

        from addons.journal import otlp, otlp_records  # noqa: PLC0415 - they bring an HTTP client along

        ids = GivenIds()
        self._traces = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=ids)
        exporter = OTLPSpanExporter(f"{base}/v1/traces", timeout=otlp.EXPORT_SECONDS)
        self._traces.add_span_processor(BatchSpanProcessor(exporter))
        self._spans = Spans(self._traces, ids)
        self._export = otlp.Export(base, resource, self._metrics.collect, failed)
        if records:
            self._records = otlp_records.RecordExporter(base, resource)

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        """Counts one call that has ended, and queues its span and its record. To be used on one thread."""
        self._metrics.settle(call, record)
        if self._spans is not None:
            self._spans.settle(call, record)
        if self._records is not None:
            self._records.settle(call, record)

    def exposition(self) -> tuple[str, bytes]:
        """Content type and text of ``/metrics``, in Prometheus' format."""
        return self._exposition.page()

    def close(self) -> None:
        """Sends what waits, and ends the threads."""
        if self._traces:
            self._traces.shutdown()
        if self._export:
            self._export.close()
        if self._records:
            self._records.close()
