"""The configuration section ``usage``: where the ledger lies, and what holds when it can't be written."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from addons.usage.dsn import connection_parameters
from addons.values.secret import Secret

NO_FILES: Final = frozenset({"off", "no", "none", "false", "memory"})
"""Texts that name no file for ``ledger``; in lower case."""


def _word_or_path(given: Any) -> Any:
    if isinstance(given, bool) or (given not in ("off", "memory", None) and str(given).lower() in NO_FILES):
        raise ValueError("write off for no ledger, memory for one without a file, or the path of a file")
    return given


def _shared_url(url: str) -> str:
    connection_parameters(url, secret=False)
    return url


type SharedUrl = Annotated[
    Annotated[str, AfterValidator(_shared_url), Tag("[url]")] | Annotated[Secret, Tag("[secret]")],
    Discriminator(lambda value: "[url]" if isinstance(value, str) else "[secret]"),
]


class UsageSettings(BaseModel):
    """Where the rows of calls are kept, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ledger: Annotated[
        Literal["off", "memory"] | Path | None,
        BeforeValidator(_word_or_path),
        Field(
            description="SQLite file with a row for every call, made when missing; off: none; memory: rows wait in the"
            " process's memory until usage.shared has them, and end with the process: for a pod without a disk. Default"
            " none given: usage.sqlite beside the sidecar's own certificates (listen.certificates). Configurations that"
            " share that directory share the ledger"
        ),
    ] = None
    on_failure: Annotated[
        Literal["refuse", "allow"],
        Field(
            description="a call whose row can't be written, because disk or memory is full or the file locked: refused"
            " with 503, or let through without a row. Default refuse: usage that nobody can see is not what was asked"
            " for"
        ),
    ] = "refuse"
    shared: Annotated[
        SharedUrl | None,
        Field(
            description="postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full of a ledger that many sidecars share:"
            " rows are carried to it from the local one, which calls wait for; a URL with a password comes by"
            " reference, {env: NAME} or {file: PATH}. Default none: one sidecar alone needs no database"
        ),
    ] = None
    keep_days: Annotated[
        int, Field(gt=0, description="days after which rows are deleted. Default 90: a quarter, as bills are looked at")
    ] = 90

    memory_rows: Annotated[
        int,
        Field(
            gt=0,
            description="rows that wait for usage.shared at most, with ledger: memory; then on_failure holds. Default"
            " 20000: five hours of a call a second, in some 35 MB",
        ),
    ] = 20_000

    @model_validator(mode="after")
    def _shared_comes_from_the_local_one(self) -> "UsageSettings":
        if self.shared is not None and self.ledger == "off":
            raise ValueError(
                "shared is filled from the local ledger, which is off: name a file for usage.ledger; in a pod without"
                " a disk of its own on an emptyDir volume, whose rows outlive the process and not the pod, or write"
                " memory, whose rows outlive neither"
            )
        if self.shared is None and self.ledger == "memory":
            raise ValueError(
                "ledger: memory keeps rows until usage.shared has them, and no other process can read them: write"
                " usage.shared, or name a file for usage.ledger"
            )
        return self

    @property
    def on_disk(self) -> bool:
        """Whether the ledger is a file."""
        return self.ledger not in {"off", "memory"}

    def path(self, directory: Path) -> Path | None:
        """Where the ledger lies, in ``directory`` when nothing else is said; None: there is no file."""
        return Path(self.ledger or directory / "usage.sqlite").expanduser() if self.on_disk else None
