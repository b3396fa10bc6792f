"""Looks tokens up by their SHA-256 in a file of the operator's. Works offline."""

import hmac
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter, ValidationError
from ruamel.yaml.comments import CommentedSeq

from addons.foundry.caller import Caller, token_hash
from addons.sources.fault import Fault
from addons.sources.watched_file import WatchedFile
from addons.values.small_file import FileError, read_text
from addons.values.yaml_file import line_of, read_yaml
from addons.verifiers.grant import SUBJECT_PATTERN, Grant
from addons.verifiers.refused import invalid


class _Row(Grant):
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{64}$"), AfterValidator(str.lower)]
    subject: Annotated[str, Field(pattern=SUBJECT_PATTERN)]


_ROWS = TypeAdapter(list[_Row])
_COMMENT: Final = re.compile(r"#.*")


class _Known(NamedTuple):
    sha256: str
    caller: Caller


class Registry:
    """A verifier by a file that is read again when it changes.

    While the changed file is bad, no token is added. A token is refused as soon as its hash no longer stands in it.

    Args:
        file: a YAML list of {sha256, subject, scopes, projects, models}.
        fault: goes wrong when the changed file can't be used.

    Raises:
        FileError: the file can't be used at the start.
    """

    def __init__(self, file: Path, fault: Fault) -> None:
        self._path = file
        self._file = WatchedFile(file, read_registry, fault, keep=self._still_named)

    async def verify(self, token: str) -> Caller:
        sha256 = token_hash(token)
        # The look-up's time may depend on how much of a hash is known. That helps no attacker: nobody can make a token
        # with a chosen hash. The comparison that decides takes the same time wherever the two differ.
        known = (await self._file.current()).get(sha256)
        if known is None or not hmac.compare_digest(known.sha256, sha256):
            raise invalid("The bearer token is not known here.")
        return known.caller

    async def knows(self, token: str) -> bool:
        """Whether the token's hash stands in the file."""
        return token_hash(token) in await self._file.current()

    async def missing(self) -> Sequence[str]:
        await self._file.current()
        return [self._file.fault.why] if self._file.fault.why else []

    def _still_named(self, rows: Mapping[str, _Known]) -> Mapping[str, _Known]:
        """The rows whose hash still stands in the bad file, outside of comments: an error in one row must not keep
        another row that was taken out. All rows where the file can't be read or is empty, as while it is being written.
        """
        try:
            text = read_text(self._path).lower()
        except FileError:
            return rows
        text = _COMMENT.sub("", text)
        return {sha256: row for sha256, row in rows.items() if sha256 in text} if text.strip() else rows


def read_registry(path: Path) -> Mapping[str, _Known]:
    """Callers by the SHA-256 of their token, in 64 lower-case hex digits.

    Raises:
        FileError: the file can't be used; the message names the line and the member.
    """
    document = read_yaml(path)
    if not isinstance(document, CommentedSeq):
        raise FileError(f"{path}:1: write a list of {{sha256, subject, scopes}}, or [] for no token at all")
    try:
        rows = _ROWS.validate_python(document)
    except ValidationError as error:
        raise FileError(_explain(path, document, error)) from error
    known: dict[str, _Known] = {}
    for index, row in enumerate(rows):
        if row.sha256 in known:
            raise FileError(f"{path}:{line_of(document, (index, 'sha256'))}: sha256: two entries have it; remove one")
        known[row.sha256] = _Known(row.sha256, row.caller(row.subject))
    return known


def _explain(path: Path, document: CommentedSeq, error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    member = ".".join(str(step) for step in first["loc"][1:])
    return f"{path}:{line_of(document, first['loc'])}: {member or 'entry'}: {first['msg']}"
