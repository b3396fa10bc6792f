"""The configuration section ``usage``: where the ledger lies, and what holds when it can't be written."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class UsageSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    ledger: Annotated[
        Literal["off"] | Path | None,
        Field(
            description="SQLite file with a row for every call; made when missing. Absent: usage.sqlite beside the"
            " sidecar's own certificates (listen.certificates)"
        ),
    ] = None
    on_failure: Annotated[
        Literal["refuse", "allow"],
        Field(
            description="a call whose row can't be written, because the disk is full or the file locked: refused with"
            " 503, or let through without a row"
        ),
    ] = "refuse"
    keep_days: Annotated[int, Field(gt=0, description="rows older than this are deleted")] = 90

    def path(self, directory: Path) -> Path | None:
        """Where the ledger lies, in ``directory`` when nothing else is said; None: there is none."""
        return None if self.ledger == "off" else Path(self.ledger or directory / "usage.sqlite").expanduser()
