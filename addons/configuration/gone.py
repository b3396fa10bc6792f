"""What has changed its name or is gone, and what to write now. ``docs/upgrade.md`` is this table for people."""

from typing import Final, Literal, NamedTuple

type Kind = Literal["key", "variable", "record field", "metric", "label", "ledger column"]


class Gone(NamedTuple):
    """``old`` is what was written; ``now`` is a sentence that says what to write."""

    kind: Kind
    old: str
    now: str
    since: str = "0.2"


CHANGES: Final[tuple[Gone, ...]] = (
    Gone(
        "key",
        "mitmproxy",
        "take the section out; its key lean chose between two ways of a call, and there is one",
    ),
    Gone("key", "mitmproxy.lean", "take it out; it chose between two ways of a call, and there is one"),
)

GONE: Final = {change.old: change for change in CHANGES if change.kind == "key"}
"""Keys of the configuration, dotted."""
