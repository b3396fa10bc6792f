"""The shared ledger's tables and functions in PostgreSQL.

Sidecars write by one function, which belongs to whoever made the schema and runs with that role's rights: a sidecar's
own role needs ``EXECUTE`` on ``usage_write`` and may read no row, neither its own nor others'; with budgets on
``usage_sums`` as well.
"""

from typing import Final

VERSION: Final = 2
"""Raised whenever this changes. A newer schema takes rows of older sidecars."""

SCHEMA: Final = "foundry_usage"
LOCK: Final = 0x666F756E  # of this program's migrations, among PostgreSQL's advisory locks

COLUMNS: Final = {
    "id": "text", "opened_at": "timestamptz", "state": "text", "decision": "text", "outcome": "text", "error": "text",
    "api": "text",
    "caller": "text", "projects": "text", "model": "text", "provider_model": "text", "region": "text",
    "status": "integer", "usage_status": "text", "input_tokens": "bigint", "cached_tokens": "bigint",
    "cache_write_tokens": "bigint", "output_tokens": "bigint", "reasoning_tokens": "bigint", "total_tokens": "bigint",
    "cost": "double precision", "charged_requests": "integer", "charged_tokens": "bigint",
    "charged_cost": "double precision", "trace_id": "text", "duration_total": "double precision",
    "duration_sidecar": "double precision", "duration_provider": "double precision", "policy": "text", "pod": "text",
    "namespace": "text", "version": "text",
}  # fmt: skip
"""Of table ``call``: those of the local ledger, and the process that wrote the row."""

_DECLARED: Final = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
_NAMES: Final = ", ".join(COLUMNS)
_TAKEN_OVER: Final = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in {"id", "opened_at"})

_SINCE_2: Final = ("api", "charged_requests", "charged_tokens", "charged_cost")
_ADDED: Final = "".join(
    f"ALTER TABLE {SCHEMA}.call ADD COLUMN IF NOT EXISTS {name} {COLUMNS[name]};\n" for name in _SINCE_2
)

MIGRATION: Final = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};

CREATE TABLE IF NOT EXISTS {SCHEMA}.call (
    {_DECLARED}, shipped_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (id, opened_at)
) PARTITION BY RANGE (opened_at);
{_ADDED}
CREATE INDEX IF NOT EXISTS call_opened_at ON {SCHEMA}.call (opened_at);

CREATE OR REPLACE FUNCTION {SCHEMA}.usage_version() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT {VERSION}';

-- One partition a month (UTC), made when its first row comes.
CREATE OR REPLACE FUNCTION {SCHEMA}.usage_partition(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'call_' || to_char(month, 'YYYY_MM');
BEGIN
    IF to_regclass('{SCHEMA}.' || name) IS NULL THEN
        PERFORM pg_advisory_xact_lock({LOCK});
        EXECUTE format(
            'CREATE TABLE IF NOT EXISTS {SCHEMA}.%I PARTITION OF {SCHEMA}.call FOR VALUES FROM (%L) TO (%L)',
            name, month::text || ' 00:00+00', (month + interval '1 month')::date::text || ' 00:00+00'
        );
    END IF;
END $$;

-- Takes a list of rows, each an object of columns. A row that is closed stays as it is.
CREATE OR REPLACE FUNCTION {SCHEMA}.usage_write(rows jsonb) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    written integer;
BEGIN
    PERFORM {SCHEMA}.usage_partition(month) FROM (
        SELECT DISTINCT date_trunc('month', (each->>'opened_at')::timestamptz AT TIME ZONE 'UTC')::date AS month
        FROM jsonb_array_elements(rows) AS each ORDER BY 1
    ) AS months;
    INSERT INTO {SCHEMA}.call ({_NAMES})
    SELECT {_NAMES} FROM jsonb_to_recordset(rows) AS given ({_DECLARED}) ORDER BY id
    ON CONFLICT (id, opened_at) DO UPDATE SET {_TAKEN_OVER}, shipped_at = now() WHERE call.state = 'open';
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;

-- What was used since a moment, in sums: budgets count it anew where their store has lost it.
CREATE OR REPLACE FUNCTION {SCHEMA}.usage_sums(since timestamptz) RETURNS TABLE (
    model text, caller text, projects text, requests bigint, tokens numeric, cost double precision
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.model, c.caller, c.projects, sum(coalesce(c.charged_requests, 1)),
        sum(coalesce(c.charged_tokens, c.total_tokens, 0)), sum(coalesce(c.charged_cost, c.cost, 0))
    FROM {SCHEMA}.call AS c
    WHERE c.opened_at >= since AND c.model IS NOT NULL AND (c.state = 'open' OR c.decision = 'allowed')
    GROUP BY c.model, c.caller, c.projects
$$;

-- Drops the months that ended before this day; for the schema's owner.
CREATE OR REPLACE FUNCTION {SCHEMA}.usage_forget(before date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    old record;
    dropped integer := 0;
BEGIN
    FOR old IN SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname = '{SCHEMA}' AND relname ~ '^call_[0-9]{{4}}_[0-9]{{2}}$'
        AND to_date(substr(relname, 6), 'YYYY_MM') + interval '1 month' <= before
    LOOP
        EXECUTE format('DROP TABLE {SCHEMA}.%I', old.relname);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

REVOKE ALL ON FUNCTION {SCHEMA}.usage_write(jsonb), {SCHEMA}.usage_partition(date), {SCHEMA}.usage_forget(date),
    {SCHEMA}.usage_sums(timestamptz) FROM PUBLIC;
"""  # noqa: S608 - our own words
