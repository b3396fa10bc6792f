"""Every metric of calls, one row each; what is read beside them are ``readings``.

OpenTelemetry's GenAI names where they exist (``conventions``), ours beside them. Labels take only values that the
sidecar's own tables hold, so their number is bounded whatever callers send: callers, projects and prompts are never
among them (the ledger knows callers and projects). A label that does not apply is left out.
"""

from typing import Final, Literal, NamedTuple

from addons.journal import conventions as otel

OWN_SECONDS: Final = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024)

type Kind = Literal["counter", "histogram", "gauge"]


class Instrument(NamedTuple):
    """``boundaries`` are a histogram's."""

    name: str
    kind: Kind
    unit: str
    about: str
    labels: tuple[str, ...] = ()
    boundaries: tuple[float, ...] = ()


# What a model's call was; the outcome's word stands behind it where it was an error.
ASKED: Final = (otel.OPERATION, otel.PROVIDER, otel.REQUEST_MODEL, otel.SERVER_ADDRESS, otel.SERVER_PORT)

ROWS: Final = (
    Instrument(
        otel.DURATION_METRIC,
        "histogram",
        "s",
        "from release to the answer's end",
        (*ASKED, otel.ERROR_TYPE),
        otel.SECONDS,
    ),
    Instrument(
        otel.FIRST_CHUNK_METRIC,
        "histogram",
        "s",
        "from release to the answer's first byte; streams alone",
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
        "calls that ended: whether policy allowed them, how they ended, what was wrong",
        ("decision", "outcome", otel.ERROR_TYPE, "rule", "model", "region", "status", "usage"),
    ),
    Instrument(
        "foundry.sidecar.other_paths",
        "counter",
        "{call}",
        "calls to Foundry's other paths that ended, likewise",
        ("decision", "outcome", otel.ERROR_TYPE, "status"),
    ),
    Instrument(
        "foundry.sidecar.not_served",
        "counter",
        "{call}",
        "calls to Foundry's model proxy for an API that is not served here: for which, such as anthropic/messages",
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
        "from the request's headers to the answer's end",
        ("outcome", "model"),
        otel.SECONDS,
    ),
    Instrument(
        "foundry.sidecar.overhead.duration",
        "histogram",
        "s",
        "from the request's headers to release, or to the refusal",
        ("decision",),
        OWN_SECONDS,
    ),
    Instrument(
        "foundry.sidecar.limit.used",
        "gauge",
        "1",
        "highest share of a rate limit that a call found in use, in this minute or the one before",
        ("level", "kind", "model"),
    ),
    Instrument(
        "foundry.sidecar.budget.used",
        "gauge",
        "1",
        "highest share of a budget in use as a call ended, in this minute or the one before, without the call's own"
        " estimate; refused: the call did not fit into what was left",
        ("level", "period", "unit", "model", "refused"),
    ),
    Instrument(
        "foundry.sidecar.candidate.calls",
        "counter",
        "{call}",
        "calls that policy.candidate was tried on: whether it would treat them the same, otherwise, or failed",
        ("result",),
    ),
    Instrument(
        "foundry.sidecar.candidate.differences",
        "counter",
        "{call}",
        "calls that policy.candidate would treat otherwise: what it would do, and by which rule",
        ("effect", "rule"),
    ),
    Instrument(
        "foundry.sidecar.limit.unlimited",
        "counter",
        "{call}",
        "calls let through because the limits' store was away",
    ),
)

BY_NAME: Final = {row.name: row for row in ROWS}
