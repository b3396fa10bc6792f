"""Writes metrics in Prometheus' format. Names are OpenTelemetry's with underscores for dots, and the unit behind."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from addons.journal.metrics import Measured
from addons.journal.sums import Distribution

UNITS: Final = {"s": "_seconds", "By": "_bytes", "d": "_days"}
"""The suffix of a name for its unit. Units of things that are counted, such as ``{call}``, have none."""


class Exposition:
    """The metrics that ``collect`` gives, with those of the process and of Python's garbage collector.

    ``about`` are the labels of ``target_info``.
    """

    def __init__(self, collect: Callable[[], Iterable[Measured]], about: Mapping[str, str]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._registry.register(_CallMetrics(collect, about))

    def page(self) -> tuple[str, bytes]:
        """Content type and text of ``/metrics``."""
        return CONTENT_TYPE_LATEST, generate_latest(self._registry)


class _CallMetrics(Collector):
    def __init__(self, collect: Callable[[], Iterable[Measured]], about: Mapping[str, str]) -> None:
        self._collect = collect
        self._about = {_plain(name): value for name, value in about.items()}

    def describe(self) -> Iterator[Metric]:
        """Nothing. It is called at registration, which would otherwise call ``collect``."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        target = Metric("target", "the process that exposes this", "info")
        target.add_sample("target_info", self._about, 1)
        yield target
        for measured in self._collect():
            yield _family(measured)


def _family(measured: Measured) -> Metric:
    row = measured.instrument
    name = _plain(row.name) + UNITS.get(row.unit, "")
    family = Metric(name, row.about, row.kind)
    for labels, point in measured.points:
        plain = {_plain(label): value for label, value in labels.items()}
        if isinstance(point, Distribution):
            bounds = (*map(floatToGoString, row.boundaries), "+Inf")
            for bound, count in zip(bounds, accumulate(point.buckets), strict=True):
                family.add_sample(f"{name}_bucket", {**plain, "le": bound}, count)
            family.add_sample(f"{name}_count", plain, sum(point.buckets))
            family.add_sample(f"{name}_sum", plain, point.total)
        else:
            family.add_sample(f"{name}_total" if row.kind == "counter" else name, plain, point)
    return family


def _plain(name: str) -> str:
    return name.replace(".", "_")
