"""Every metric that is counted or measured from calls, one row each. ``Reading`` has the metrics of anything else.

Names are OpenTelemetry's GenAI names where they exist (``conventions``), and the sidecar's own for the rest. Labels
take only values of the sidecar's own tables, so their number is bounded whatever callers send. Callers, projects and
prompts are never labels; the ledger has callers and projects. A label that does not apply is left out.
"""

from typing import Final, Literal, NamedTuple

from addons.journal import conventions as otel

# bucket boundaries of the sidecar's own time in a call
OWN_SECONDS: Final = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024)

type Kind = Literal["counter", "histogram", "gauge"]


class Instrument(NamedTuple):
    """A metric: ``unit`` as UCUM writes it, ``about`` is its help text, ``boundaries`` are a histogram's buckets."""

    name: str
    kind: Kind
    unit: str
    about: str
    labels: tuple[str, ...] = ()
    boundaries: tuple[float, ...] = ()


# The labels that OpenTelemetry's conventions require of a call of a model.
ASKED: Final = (otel.OPERATION, otel.PROVIDER, otel.REQUEST_MODEL, otel.SERVER_ADDRESS, otel.SERVER_PORT)

ROWS: Final = (
    Instrument(
        otel.DURATION_METRIC,
        "histogram",
        "s",
        "from sending the request to the end of the answer",
        (*ASKED, otel.ERROR_TYPE),
        otel.SECONDS,
    ),
    Instrument(
        otel.FIRST_CHUNK_METRIC,
        "histogram",
        "s",
        "from sending the request to the first byte of the answer; only of streams",
        ASKED,
        otel.SECONDS,
    ),
    *(
        Instrument(
            name,
            "counter",
            "{token}",
            f"tokens as the provider reported them: {attribute.removeprefix('gen_ai.usage.')}",
            (*ASKED, otel.MODALITY),
        )
        for attribute, name in otel.USAGE_METRICS.items()
    ),
    *(
        Instrument(
            name, "histogram", "{token}", "tokens of one call, as the provider reported them", ASKED, otel.TOKENS
        )
        for name in otel.TOKENS_METRICS.values()
    ),
    Instrument(
        "foundry.sidecar.calls",
        "counter",
        "{call}",
        "calls that ended, by the policy's decision, the outcome and the error",
        ("decision", "outcome", otel.ERROR_TYPE, "rule", "model", "region", "status", "usage"),
    ),
    Instrument(
        "foundry.sidecar.other_paths",
        "counter",
        "{call}",
        "calls to other paths of Foundry that ended, by decision, outcome and error",
        ("decision", "outcome", otel.ERROR_TYPE, "status"),
    ),
    Instrument(
        "foundry.sidecar.not_served",
        "counter",
        "{call}",
        "calls to Foundry's model proxy for an API that is not served here, by the API, such as anthropic/messages",
        ("path",),
    ),
    Instrument(
        "foundry.sidecar.tokens",
        "counter",
        "{token}",
        "reported tokens by kind; cached and cache_write are part of input, reasoning of output",
        ("kind", "model", "region"),
    ),
    Instrument(
        "foundry.sidecar.call.duration",
        "histogram",
        "s",
        "from the request's headers to the end of the answer",
        ("outcome", "model"),
        otel.SECONDS,
    ),
    Instrument(
        "foundry.sidecar.overhead.duration",
        "histogram",
        "s",
        "from the request's headers to sending the request, or to the refusal",
        ("decision",),
        OWN_SECONDS,
    ),
    Instrument(
        "foundry.sidecar.limit.used",
        "gauge",
        "1",
        "highest share of a rate limit that a call found used, in this minute or the one before",
        ("level", "kind", "model"),
    ),
    Instrument(
        "foundry.sidecar.budget.used",
        "gauge",
        "1",
        "highest share of a budget that was used when a call ended, in this minute or the one before, without the"
        " call's own estimate; refused: the call did not fit into what was left",
        ("level", "period", "unit", "model", "refused"),
    ),
    Instrument(
        "foundry.sidecar.candidate.calls",
        "counter",
        "{call}",
        "calls that policy.candidate judged: whether its result was the same, another one, or a failure",
        ("result",),
    ),
    Instrument(
        "foundry.sidecar.candidate.differences",
        "counter",
        "{call}",
        "calls for which policy.candidate has another result: what it would do, and by which rule",
        ("effect", "rule"),
    ),
    Instrument(
        "foundry.sidecar.limit.unlimited",
        "counter",
        "{call}",
        "calls that were not limited, since the store of limits could not be reached",
    ),
)

BY_NAME: Final = {row.name: row for row in ROWS}
