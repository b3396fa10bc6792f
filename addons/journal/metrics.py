"""Counts and measures ended calls by their records, and gives all metrics when they are collected."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from addons.bodies.comparison import Trial
from addons.call import Call
from addons.foundry.budgets import Reserved
from addons.foundry.permits import Permits
from addons.journal import conventions as otel
from addons.journal.instruments import ASKED, BY_NAME, ROWS, Instrument
from addons.journal.readings import Reading
from addons.journal.sums import Distribution, Distributions, Highest, Sums
from addons.usage.charging import budget_corrections

OTHER: Final = "other"
"""The label ``model`` of a call that named no model of the catalogue."""

KINDS: Final = (
    ("input", otel.INPUT_TOKENS),
    ("cached", otel.CACHE_READ_TOKENS),
    ("cache_write", otel.CACHE_WRITE_TOKENS),
    ("output", otel.OUTPUT_TOKENS),
    ("reasoning", otel.REASONING_TOKENS),
)
"""Kinds of tokens, each with its name in a record."""


class Measured(NamedTuple):
    """One metric with its present values, each with its labels."""

    instrument: Instrument
    points: tuple[tuple[Mapping[str, str], float | Distribution], ...]


class Metrics:
    """All metrics. ``settle`` is called on one thread, ``collect`` on any.

    Args:
        readings: metrics of anything but calls, which are read at each collection.
        clock: seconds, never going back.
    """

    def __init__(self, readings: Iterable[Reading] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._readings = tuple(readings)
        self._lock = threading.Lock()
        self._kept: dict[str, Sums | Distributions | Highest] = {}

        def sums(name: str) -> Sums:
            kept = self._kept[name] = Sums()
            return kept

        def distributions(name: str) -> Distributions:
            kept = self._kept[name] = Distributions(BY_NAME[name].boundaries)
            return kept

        self._duration = distributions(otel.DURATION_METRIC)
        self._first_chunk = distributions(otel.FIRST_CHUNK_METRIC)
        self._usage = {attribute: sums(name) for attribute, name in otel.USAGE_METRICS.items()}
        self._tokens_of_one = {attribute: distributions(name) for attribute, name in otel.TOKENS_METRICS.items()}
        self._calls = sums("foundry.sidecar.calls")
        self._other_paths = sums("foundry.sidecar.other_paths")
        self._not_served = sums("foundry.sidecar.not_served")
        self._tokens = sums("foundry.sidecar.tokens")
        self._whole = distributions("foundry.sidecar.call.duration")
        self._own = distributions("foundry.sidecar.overhead.duration")
        self._tried = sums("foundry.sidecar.candidate.calls")
        self._candidate = sums("foundry.sidecar.candidate.differences")
        self._unlimited = sums("foundry.sidecar.limit.unlimited")
        self._limit_used = self._kept["foundry.sidecar.limit.used"] = Highest(clock)
        self._budget_used = self._kept["foundry.sidecar.budget.used"] = Highest(clock)
        self._unlimited.add(0)  # a rate does not show a counter's first value, so that must be 0

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        """Counts one call that has ended. ``record`` is its record."""
        with self._lock:
            self._settle(call, record)

    def collect(self) -> list[Measured]:
        """Every metric with its present values."""
        with self._lock:
            kept = [(row, self._kept[row.name].read()) for row in ROWS]
        measured = [
            Measured(row, tuple((_labels(row.labels, values), point) for values, point in points))
            for row, points in kept
        ]
        for reading in self._readings:
            row = Instrument(reading.name, "counter" if reading.counts else "gauge", reading.unit, reading.about)
            measured.append(Measured(row, tuple((labels, value) for value, labels in reading.read())))
        return measured

    def _settle(self, call: Call, record: Mapping[str, Any]) -> None:
        told = record.get
        decided, outcome, error = record["policy.decision"], record["call.outcome"], told(otel.ERROR_TYPE, "")
        status = str(told(otel.STATUS_CODE, ""))
        if call.to == "foundry":
            self._other_paths.add(1, decided, outcome, error, status)
            return
        model = (call.model.provider_model if call.model else None) or OTHER
        rule = (call.refusal.rule if call.refusal else None) or ""
        region = call.region or ""
        self._calls.add(1, decided, outcome, error, rule, model, region, status, told("usage.status", ""))
        self._whole.add(record["duration.total"], outcome, model)
        if call.not_served is not None:
            self._not_served.add(1, call.not_served)
        self._own.add(record["duration.sidecar"], decided)
        if call.trial is not None:
            self._settle_trial(call.trial)
        if call.permits is not None:
            self._settle_permits(call.permits, model)
        if call.reserved is not None:
            self._settle_reserved(call, call.reserved)
        if call.released_at is not None and call.to == "provider":
            self._settle_sent(record, model, region, error)

    def _settle_trial(self, trial: Trial) -> None:
        result = "failed" if trial.failed else "otherwise" if trial.differences else "same"
        self._tried.add(1, result)
        for effect, rule in {(difference.effect, difference.rule) for difference in trial.differences}:
            self._candidate.add(1, effect, rule)

    def _settle_permits(self, permits: Permits, model: str) -> None:
        if permits.unlimited:
            self._unlimited.add(1)
        for standing in permits.standings:
            if standing.limit:
                share = standing.used / standing.limit
                self._limit_used.add(share, standing.meter.level, standing.meter.kind, model)

    def _settle_reserved(self, call: Call, reserved: Reserved) -> None:
        """A call's own estimate does not count as used: a refused call gives it back, else the charge replaces it."""
        over_budget = call.refusal is not None and call.refusal.name == "budget_exceeded"
        corrections = budget_corrections(call)
        for number, (budget, filled) in enumerate(zip(reserved.budgets, reserved.filled, strict=True)):
            if budget.limit:
                correction = corrections.get(reserved.keys[number], 0) if reserved.keys else -reserved.amounts[number]
                share, refused = (filled + correction) / budget.limit, over_budget and filled > budget.limit
                self._budget_used.add(
                    share, budget.level, budget.period, budget.unit, budget.model, str(refused).lower()
                )

    def _settle_sent(self, record: Mapping[str, Any], model: str, region: str, error: str) -> None:
        told = record.get
        asked = (
            record[otel.OPERATION], record[otel.PROVIDER], model,
            told(otel.SERVER_ADDRESS, ""), str(told(otel.SERVER_PORT, "")),
        )  # fmt: skip
        assert len(asked) == len(ASKED)
        self._duration.add(told("duration.provider", 0.0), *asked, error)
        if (first := told(otel.TIME_TO_FIRST_CHUNK)) is not None:
            self._first_chunk.add(first, *asked)
        for kind, attribute in KINDS:
            count = told(attribute)
            # usage that is not known counts as 0: the conventions say so, and rates need a counter's first 0
            self._usage[attribute].add(count or 0, *asked, otel.UNKNOWN_MODALITY)
            if count is not None:
                self._tokens.add(count, kind, model, region)
                if attribute in self._tokens_of_one:
                    self._tokens_of_one[attribute].add(count, *asked)


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> Mapping[str, str]:
    return {name: value for name, value in zip(names, values, strict=True) if value}
