"""What was renamed or removed, and what to write now. ``docs/upgrade.md`` is this table for people."""

from typing import Final, Literal, NamedTuple

type Kind = Literal["key", "value", "variable", "command", "record field", "metric", "label", "ledger column"]


class Change(NamedTuple):
    """``old`` is what was written or read before; ``now`` says what to write or read; ``since`` is the version."""

    kind: Kind
    old: str
    now: str
    since: str = "0.2"


CHANGES: Final[tuple[Change, ...]] = (
    Change("key", "mitmproxy", "take the section out; its key lean chose between two code paths; one is left"),
    Change(
        "value", "models.extra[].prices", "write prices under the section prices; version 0.3 will not read them here"
    ),
    Change("value", "models.extra[] of a shipped RID", "it is laid over the shipped row; write only what differs"),
    Change(
        "value",
        "models.extra[].in_memory_cache: false",
        "over a shipped row that has it: list the RID under policy.models_with_daily_cache, or attest"
        " zero data retention",
    ),
    Change(
        "value",
        "models.extra[].provider_model of a shipped RID",
        "where it names another model that does not keep prompts for a day: add daily_cache: false",
    ),
    Change("value", "foundry.hostnames: https://HOST, HOST:PORT", "write only the host name"),
    Change("value", "usage.ledger: no, Off, false", "write off"),
    Change("value", "telemetry.otlp_endpoint with a password", "write OTEL_EXPORTER_OTLP_HEADERS in the environment"),
    Change("value", "limits.storage with a query", "write {env: NAME} or {file: PATH} that holds the URL"),
    Change("value", "provider.zero_data_retention: attested", "it is still read, and means the same"),
    Change(
        "variable",
        "SIDECAR_… in lower case",
        "write it in capitals, and names of callers, projects and models as they are",
    ),
    Change("variable", "--set limits.user.Alice", "names keep their case; put a name with dots in quotes"),
    Change("command", "check", "a missing file or secret is an error; check --no-files checks no files and no secrets"),
    Change(
        "command", "explain --json", "an object with summary, requests and not_judged; requests is the earlier list"
    ),
    Change(
        "command", "start, mitmproxy's options", "only the options that FREE in process/lockdown.py lists may be set"
    ),
    Change(
        "record field", "policy.decision: served, failed", "policy.decision is allowed or refused; see call.outcome"
    ),
    Change(
        "record field",
        "error.type: OpenAI's codes",
        "error.type is the sidecar's own word; OpenAI's code is in provider.error.code",
    ),
    Change("record field", "event model_shutdown_near", "models_shutdown_near: one line for all models, each day"),
    Change("metric", "gen_ai.client.operation.duration", "gen_ai.client.inference.duration"),
    Change("metric", "gen_ai.client.operation.time_to_first_chunk", "gen_ai.client.inference.time_to_first_chunk"),
    Change("metric", "gen_ai.client.token.usage", "gen_ai.client.inference.usage.…_tokens, a counter for each kind"),
    Change("label", "foundry_sidecar_calls_total{decision, reason}", "decision, outcome, error_type"),
    Change("ledger column", "decision", "outcome; the ledger is brought up to date at the first start"),
    Change("ledger column", "cost", "it includes the cost of cache writes; see cache_write_tokens"),
    Change("command", "usage --json", "it names its ledger; cached_tokens is followed by cache_write_tokens"),
    Change("ledger column", "error", "error, with the words of error.type"),
)

GONE: Final = {change.old: change for change in CHANGES if change.kind == "key"}
"""Keys of the configuration, dotted."""
