"""Secrets come by reference alone: from the environment or from a file that may change under us."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from addons.values.small_file import FileError, read_text

_MOST = 64 << 10  # bytes; a key has hundreds, a signed token some thousands


class SecretError(Exception):
    """A secret can't be had; the message names the reference, never a value."""


class Secret(BaseModel):
    """``{env: NAME}`` or ``{file: PATH}``, exactly one of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: Annotated[str | None, Field(description="name of the environment variable that holds it")] = None
    file: Annotated[Path | None, Field(description="path of the file that holds it; read again when it changes")] = None

    _known: dict[tuple[int, int, int], str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _one_reference(self) -> "Secret":
        if (self.env is None) == (self.file is None):
            raise ValueError("write either {env: NAME} or {file: PATH}")
        return self

    def read(self) -> str:
        """The secret as it stands now, without surrounding white space.

        Touches the disk: call it off the event loop. A file is told to have changed by its inode, size and
        modification time, so a Kubernetes Secret's symlink swap is seen too.

        Raises:
            SecretError: it is unset, unreadable, empty, or not printable ASCII.
        """
        if self.env is not None:
            return _checked(os.environ.get(self.env, ""), f"environment variable {self.env}")
        assert self.file is not None
        try:
            status = self.file.stat()
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
            if stamp not in self._known:
                value = _checked(read_text(self.file, _MOST), f"file {self.file}")
                self._known.clear()
                self._known[stamp] = value
            return self._known[stamp]
        except OSError as error:
            raise SecretError(f"file {self.file} can't be read: {error.strerror}") from error
        except FileError as error:
            raise SecretError(f"file {error}") from error


def _checked(value: str, where: str) -> str:
    value = value.strip()
    if not value:
        raise SecretError(f"{where} is empty or not set")
    if not (value.isascii() and value.isprintable()):
        raise SecretError(f"{where} holds characters that can't stand in a header")
    return value
