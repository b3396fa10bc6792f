"""Secrets come by reference alone: from the environment or from a file that may change under us."""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from addons.values.small_file import FileError, read_text

_MOST = 64 << 10  # bytes; a key has hundreds, a signed token some thousands

BYTE_ORDER_MARK = "\ufeff"  # some editors begin a text file with it


class SecretError(Exception):
    """A secret can't be had; the message names the reference, never a value."""


class Secret(BaseModel):
    """``{env: NAME}`` or ``{file: PATH}``, exactly one of them.

    Whoever needs the secret reads it anew: a file that was changed is seen at once. The last good value stays where a
    file is empty, gone or broken for a moment; ``fault`` then says so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: Annotated[
        str | None,
        Field(description="name of the environment variable that holds it. Default none: it stands in a file"),
    ] = None
    file: Annotated[
        Path | None,
        Field(
            description="path of the file that holds it; read again when it changes. Default none: it stands in the"
            " environment"
        ),
    ] = None

    _known: dict[tuple[int, int, int], str] = PrivateAttr(default_factory=dict)
    _fault: str | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, given: Any) -> Any:
        if not isinstance(given, dict | Secret):
            raise ValueError(  # noqa: TRY004 - pydantic takes this one for a fault of the value
                "a secret never stands in the configuration itself; write {env: NAME} or {file: PATH}"
            )
        return given

    @model_validator(mode="after")
    def _one_reference(self) -> "Secret":
        if (self.env is None) == (self.file is None):
            raise ValueError("write either {env: NAME} or {file: PATH}")
        return self

    @property
    def fault(self) -> str | None:
        """Why the secret could not be read when it was last looked at; None: it could."""
        return self._fault

    def read(self) -> str:
        """The secret as it stands now, or as it last was; without surrounding white space.

        Touches the disk: call it off the event loop. A file is told to have changed by its inode, size and
        modification time, so a Kubernetes Secret's symlink swap is seen too.

        Raises:
            SecretError: it is unset, unreadable, empty, or not printable ASCII, and was never anything else.
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
        """As ``read``, but a value that was good before does not help.

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
        self._known = {stamp: value}  # in one step: other threads read it too
        return value


def _checked(value: str, where: str) -> str:
    value = value.removeprefix(BYTE_ORDER_MARK).strip()
    if not value:
        raise SecretError(f"{where} is empty or not set")
    if not (value.isascii() and value.isprintable()):
        raise SecretError(f"{where} holds characters that can't stand in a header")
    return value
