"""The configuration section ``usage``: where the ledger lies, and what holds when it can't be written."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _off_or_path(given: Any) -> Any:
    if isinstance(given, bool) or (given not in ("off", None) and str(given).lower() in {"off", "no", "none", "false"}):
        raise ValueError("write off for no ledger, or the path of a file")
    return given


class UsageSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    ledger: Annotated[
        Literal["off"] | Path | None,
        BeforeValidator(_off_or_path),
        Field(
            description="SQLite file with a row for every call, made when missing; off: none. Default none given:"
            " usage.sqlite beside the sidecar's own certificates (listen.certificates). Configurations that share that"
            " directory share the ledger"
        ),
    ] = None
    on_failure: Annotated[
        Literal["refuse", "allow"],
        Field(
            description="a call whose row can't be written, because the disk is full or the file locked: refused with"
            " 503, or let through without a row. Default refuse: usage that nobody can see is not what was asked for"
        ),
    ] = "refuse"
    keep_days: Annotated[
        int, Field(gt=0, description="days after which rows are deleted. Default 90: a quarter, as bills are looked at")
    ] = 90

    def path(self, directory: Path) -> Path | None:
        """Where the ledger lies, in ``directory`` when nothing else is said; None: there is none."""
        return None if self.ledger == "off" else Path(self.ledger or directory / "usage.sqlite").expanduser()
