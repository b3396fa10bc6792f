"""Secrets, which the configuration holds only as references: to the environment, or to a file that may change."""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from addons.values.small_file import FileError, read_text

_MOST = 64 << 10  # bytes of a file; a key has hundreds, a signed token some thousands

BYTE_ORDER_MARK = "\ufeff"  # some editors begin a text file with it


class SecretError(Exception):
    """A secret can't be read. The message names the reference, never a value."""


class Secret(BaseModel):
    """A reference to a secret: ``{env: NAME}`` or ``{file: PATH}``.

    Each use reads the secret again, so a changed file is seen at once. While a file is empty, missing or broken,
    ``read`` returns the last good value, and ``fault`` says why.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: Annotated[
        str | None,
        Field(description="name of the environment variable that holds it. Default none: write env or file"),
    ] = None
    file: Annotated[
        Path | None,
        Field(
            description="path of the file that holds it; read again when it changes. Default none: write env or file"
        ),
    ] = None

    _known: dict[tuple[int, int, int], str] = PrivateAttr(default_factory=dict)
    _fault: str | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, given: Any) -> Any:
        if not isinstance(given, dict | Secret):
            raise ValueError(  # noqa: TRY004 - pydantic reports only a ValueError as a fault of the value
                "the configuration must not hold the secret itself; write {env: NAME} or {file: PATH}"
            )
        return given

    @model_validator(mode="after")
    def _one_reference(self) -> "Secret":
        if (self.env is None) == (self.file is None):
            raise ValueError("write either {env: NAME} or {file: PATH}")
        return self

    @property
    def fault(self) -> str | None:
        """Why the last ``read`` could not read the secret; None: it could."""
        return self._fault

    def read(self) -> str:
        """The secret as it is now, without white space around it; a file's last good value where it is bad now.

        Reads the disk: call it on a thread, not on the event loop. A changed file has another inode, size or
        modification time, so the swap of links in a Kubernetes Secret is seen too.

        Raises:
            SecretError: it is unset, unreadable, empty, or not printable ASCII, and no good value of a file is known.
        """
        try:
            value = self.read_now()
        except SecretError as error:
            self._fault = str(error)
            if self._known:
                return next(iter(self._known.values()))
            raise
        self._fault = None
        return value

    def read_now(self) -> str:
        """As ``read``, but without the last good value.

        Raises:
            SecretError: it is unset, unreadable, empty, or not printable ASCII.
        """
        if self.env is not None:
            return _checked(os.environ.get(self.env, ""), f"environment variable {self.env}")
        assert self.file is not None
        try:
            status = self.file.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if (known := self._known.get(stamp)) is not None:
                return known
            value = _checked(read_text(self.file, _MOST), f"file {self.file}")
        except OSError as error:
            raise SecretError(f"file {self.file} can't be read: {error.strerror}") from error
        except FileError as error:
            raise SecretError(f"file {error}") from error
        self._known = {stamp: value}  # replaced in one step, since other threads read it
        return value


def _checked(value: str, where: str) -> str:
    value = value.removeprefix(BYTE_ORDER_MARK).strip()
    if not value:
        raise SecretError(f"{where} is empty or not set")
    if not (value.isascii() and value.isprintable()):
        raise SecretError(f"{where} holds characters that no header may have; write printable ASCII")
    return value
