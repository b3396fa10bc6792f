"""Every metric of the sidecar: names, units and labels.

OpenTelemetry's GenAI names where they exist, still marked Development upstream; ours beside them. Labels take only
values that the sidecar's own tables hold, so their number is bounded whatever callers send: callers, projects
and prompts are never among them (the ledger knows callers and projects).
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from addons.call import Call
from addons.foundry.permits import Permits
from addons.record import decision
from addons.responses.answer import Usage
from addons.telemetry.gauge import Gauge
from addons.telemetry.sums import Highest, Sums

OTHER: Final = "other"
"""The model of a call that named none of the catalogue's."""

NONE: Final = "none"
FAULT: Final = "fault"
ALARMS: Final = (
    FAULT, "background_echoed", "georestriction", "ledger_unavailable", "provider_credentials", "provider_quota",
    "service_tier_echoed", "store_echoed",
)  # fmt: skip
"""Every alarm a call may raise; a fault is one too."""

SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS: Final = tuple(float(4**power) for power in range(14))
"""Bucket boundaries that the GenAI conventions advise."""

OWN_SECONDS: Final = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024)


class Metrics:
    def __init__(self, meter: Meter, gauges: Iterable[Gauge] = ()) -> None:
        def seconds(name: str, about: str, buckets: tuple[float, ...] = SECONDS) -> Any:
            return meter.create_histogram(name, "s", about, explicit_bucket_boundaries_advisory=buckets)

        self._operation = seconds("gen_ai.client.operation.duration", "from release to the answer's end")
        self._first_chunk = seconds(
            "gen_ai.client.operation.time_to_first_chunk", "from release to the answer's first byte; streams alone"
        )
        self._token_usage = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "tokens of one call, as the provider reported them",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self._calls = Sums("decision", "reason", "rule", "model", "region", "status", "usage")
        meter.create_observable_counter(
            "foundry.sidecar.calls", [self._calls.observe], "{call}", "calls that ended, by verdict and reason"
        )
        self._other_paths = meter.create_counter(
            "foundry.sidecar.other_paths", "{call}", "calls to Foundry's other paths that ended, by verdict and reason"
        )
        self._tokens = Sums("kind", "model", "region")
        meter.create_observable_counter(
            "foundry.sidecar.tokens",
            [self._tokens.observe],
            "{token}",
            "reported tokens by kind; cached is part of input, reasoning of output",
        )
        self._whole = seconds("foundry.sidecar.call.duration", "from the request's headers to the answer's end")
        self._own = seconds(
            "foundry.sidecar.overhead.duration", "from the request's headers to release, or to the refusal", OWN_SECONDS
        )
        self._limit_used = Highest(time.monotonic, "level", "kind", "model")
        meter.create_observable_gauge(
            "foundry.sidecar.limit.used",
            [self._limit_used.observe],
            "1",
            "highest share of a rate limit that a call found in use, in this minute or the one before",
        )
        self._unlimited = meter.create_counter(
            "foundry.sidecar.limit.unlimited", "{call}", "calls let through because the limits' store was away"
        )
        self._alarms = meter.create_counter("foundry.sidecar.alarms", "{alarm}", "what an operator should look at")
        # a counter that begins at 1 never shows an increase
        self._unlimited.add(0)
        for alarm in ALARMS:
            self._alarms.add(0, {"alarm": alarm})
        for gauge in gauges:
            meter.create_observable_gauge(gauge.name, [_observer(gauge)], gauge.unit, gauge.about)

    def settle(self, call: Call, record: Mapping[str, Any]) -> None:
        """Takes one call that has ended, with its record."""
        verdict = decision(call)
        reason = call.refusal.name if call.refusal else record.get("error.type", NONE)
        for alarm in (*call.alarms, *([FAULT] if reason == FAULT else [])):
            self._alarms.add(1, {"alarm": alarm})
        if call.to == "foundry":
            status = str(record.get("http.response.status_code", NONE))
            self._other_paths.add(1, {"decision": verdict, "reason": reason, "status": status})
            return
        model = call.model.provider_model or OTHER if call.model else OTHER
        self._calls.add(
            1,
            verdict,
            reason,
            (call.refusal.rule if call.refusal else None) or NONE,
            model,
            call.region or NONE,
            str(record.get("http.response.status_code", NONE)),
            record.get("usage.status", NONE),
        )
        self._whole.record(record["duration.total"], {"decision": verdict, "model": model})
        self._own.record(record["duration.sidecar"], {"decision": verdict})
        if call.permits:
            self._settle_permits(call.permits, model)
        if call.released_at is not None:
            self._settle_released(call, record, model, reason)

    def _settle_permits(self, permits: Permits, model: str) -> None:
        if permits.unlimited:
            self._unlimited.add(1)
        for standing in permits.standings:
            if standing.limit:
                share = standing.used / standing.limit
                self._limit_used.note(share, standing.meter.level, standing.meter.kind, model)

    def _settle_released(self, call: Call, record: Mapping[str, Any], model: str, reason: str) -> None:
        asked = {
            "gen_ai.operation.name": record["gen_ai.operation.name"],
            "gen_ai.provider.name": record["gen_ai.provider.name"],
            "gen_ai.request.model": model,
            "server.address": record.get("server.address", NONE),
        }
        ended = asked if reason == NONE else {**asked, "error.type": reason}
        self._operation.record(record["duration.provider"], ended)
        if call.answer.streamed and (first := record.get("gen_ai.response.time_to_first_chunk")) is not None:
            self._first_chunk.record(first, asked)
        usage = (call.answer.facts.usage if call.answer.facts else None) or Usage()
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count is not None:
                self._token_usage.record(count, {**asked, "gen_ai.token.type": kind})
        for kind, count in (
            ("input", usage.input_tokens),
            ("cached", usage.cached_tokens),
            ("output", usage.output_tokens),
            ("reasoning", usage.reasoning_tokens),
        ):
            if count is not None:
                self._tokens.add(count, kind, model, call.region or NONE)


def _observer(gauge: Gauge) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _options: [Observation(value, dict(labels)) for value, labels in gauge.read()]
