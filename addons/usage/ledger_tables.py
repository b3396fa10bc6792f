"""The ledger's tables in SQLite, and what brings those of an older version up to date."""

from collections.abc import Collection
from typing import Final

VERSION: Final = 4
"""In ``PRAGMA user_version``; raised whenever the tables change."""

CALL: Final = """
CREATE TABLE call (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    opened_at REAL NOT NULL,         -- Unix time in seconds
    state TEXT NOT NULL,             -- open: it left, and what it used is not known (yet); closed
    decision TEXT,                   -- allowed, refused: what policy said
    outcome TEXT,                    -- how it ended: call.Outcome
    api TEXT,                        -- responses, chat_completions, embeddings
    error TEXT,                      -- error.type of the record
    caller TEXT,
    projects TEXT,                   -- the RIDs of `attribution`, sorted, with ' + ' between them; NULL: none
    model TEXT,                      -- Foundry's RID
    provider_model TEXT,
    region TEXT,
    status INTEGER,                  -- what the caller got
    usage_status TEXT,               -- reported, interrupted, unknown
    input_tokens INTEGER,
    cached_tokens INTEGER,           -- part of input_tokens
    cache_write_tokens INTEGER,      -- part of input_tokens
    output_tokens INTEGER,
    reasoning_tokens INTEGER,        -- part of output_tokens
    total_tokens INTEGER,
    cost REAL,                       -- by the price table of that day; NULL where there is no price
    charged_requests INTEGER,        -- what budgets hold of the call, as the next two; NULL: none did
    charged_tokens INTEGER,          -- the estimate, until the provider has told
    charged_cost REAL,
    trace_id TEXT,
    duration_total REAL,             -- seconds, as the next two
    duration_sidecar REAL,
    duration_provider REAL,
    policy TEXT,                     -- hash of the policy that judged it
    run INTEGER,                     -- row of `run`: the process that wrote it
    due INTEGER                      -- 1: not yet in the shared ledger; NULL: it is, or there is none
) STRICT"""

_INDEXES: Final = """
CREATE INDEX call_opened_at ON call (opened_at);
CREATE INDEX call_due ON call (number) WHERE due IS NOT NULL"""

_RUN: Final = """
CREATE TABLE run (
    run INTEGER PRIMARY KEY,
    began_at REAL NOT NULL,
    pod TEXT,
    namespace TEXT,
    version TEXT                     -- of the sidecar
) STRICT"""

COLUMNS: Final = (
    "id", "opened_at", "state", "decision", "outcome", "error", "api", "caller", "projects", "model", "provider_model",
    "region", "status", "usage_status", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens",
    "reasoning_tokens", "total_tokens", "cost", "charged_requests", "charged_tokens", "charged_cost", "trace_id",
    "duration_total", "duration_sidecar", "duration_provider", "policy",
)  # fmt: skip
"""Of table ``call``, as they are written; ``run`` and ``due`` are added to all alike."""

_OLD: Final = {
    "served": ("allowed", "served"),
    "refused": ("refused", "refused"),
    "failed": ("allowed", "provider_error"),
}
"""The column ``decision`` of versions 1 and 2 as ``decision`` and ``outcome``."""

_TO_3: Final = f"""
ALTER TABLE call ADD COLUMN outcome TEXT;
ALTER TABLE call ADD COLUMN cache_write_tokens INTEGER;
ALTER TABLE call ADD COLUMN policy TEXT;
ALTER TABLE call ADD COLUMN run INTEGER;
ALTER TABLE call ADD COLUMN due INTEGER;
UPDATE call SET
    outcome = CASE decision {" ".join(f"WHEN '{old}' THEN '{new[1]}'" for old, new in _OLD.items())} END,
    decision = CASE decision {" ".join(f"WHEN '{old}' THEN '{new[0]}'" for old, new in _OLD.items())} END;
CREATE INDEX call_due ON call (number) WHERE due IS NOT NULL;
{_RUN}"""  # noqa: S608 - our own words

_TO_4: Final = """
ALTER TABLE call ADD COLUMN api TEXT;
ALTER TABLE call ADD COLUMN charged_requests INTEGER;
ALTER TABLE call ADD COLUMN charged_tokens INTEGER;
ALTER TABLE call ADD COLUMN charged_cost REAL"""

_TO_2: Final = """
ALTER TABLE call ADD COLUMN projects TEXT;
UPDATE call SET projects = (
    SELECT group_concat(project, ' + ') FROM (SELECT project FROM call_project WHERE call = number ORDER BY project)
);
DROP TABLE call_project"""

UPGRADES: Final = {
    0: f"{CALL};{_INDEXES};{_RUN}",
    1: f"{_TO_2};{_TO_3};{_TO_4}",
    2: f"{_TO_3};{_TO_4}",
    3: _TO_4,
}
"""What makes the newest tables of those of an older version; 0 is an empty file."""

MOST_PROJECTS_TEXT: Final = 2_000  # characters: RIDs are the caller's own words


def projects(attribution: Collection[str]) -> str | None:
    """The column ``projects``: one text for each set of RIDs, none of which holds a space.

    Where they are too long together, the last of them are left out, and said to be.
    """
    if not attribution:
        return None
    text = " + ".join(sorted(attribution))
    if len(text) > MOST_PROJECTS_TEXT:
        text = text[:MOST_PROJECTS_TEXT].rpartition(" + ")[0] + " + …"
    return text
