"""Writes calls into a cassette, on a thread of its own: nothing of it happens on the event loop."""

import bisect
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

import structlog

from addons.bodies.server_sent_event import BLANK_LINE
from addons.cassettes.cassette import CassetteError, Content, Header, RecordedAnswer, RecordedCall, is_stream, line_of
from addons.cassettes.redaction import Redaction

MOST_KEPT: Final = 64 * 1024 * 1024  # bytes of one answer
SAYS_KEYS: Final = frozenset((401, 403))  # the provider repeats a part of the key that it does not accept

_log = structlog.get_logger("sidecar.cassette")


@dataclass(slots=True)
class Heard:
    """One call as it was heard: ``chunks`` as they came, with milliseconds since the request left."""

    api: str
    request: bytes = field(repr=False)
    status: int
    headers: tuple[tuple[str, str], ...]
    began: float
    chunks: list[tuple[float, bytes]] = field(default_factory=list, repr=False)
    whole: bool = False
    size: int = 0  # bytes of all chunks

    def hear(self, at: float, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > MOST_KEPT:
            self.chunks.clear()
        else:
            self.chunks.append((at, chunk))


class Tape:
    """``start`` makes the file, ``close`` ends it when all is written."""

    def __init__(self, path: Path, content: Content) -> None:
        self.path = path
        self.content: Content = content
        self._header = Header(content=content, salt=secrets.token_hex(16))
        self._redaction = Redaction(self._header.salt)
        self._file: int | None = None
        self._writer = ThreadPoolExecutor(1, "cassette")

    def start(self) -> None:
        """Raises CassetteError: the file is there already, or can't be made."""
        check(self.path)
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            self._append(self._file, line_of(self._header))
        except OSError as error:
            raise CassetteError(f"{self.path}: can't be made: {error.strerror or error}") from None

    def close(self) -> None:
        self._writer.shutdown()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def add(self, heard: Heard, quotes_key: Callable[[bytes], bool] = lambda _: False) -> None:
        """Queues a call to be written, unless its answer quotes the provider's key. Returns at once."""
        self._writer.submit(self._write, heard, quotes_key)

    def _write(self, heard: Heard, quotes_key: Callable[[bytes], bool]) -> None:
        try:
            assert self._file is not None
            if quotes_key(b"".join(chunk for _, chunk in heard.chunks) + repr(heard.headers).encode()):
                raise CassetteError("its answer quotes the provider's key")  # noqa: TRY301 - told as any other
            if heard.size > MOST_KEPT:
                raise CassetteError(f"its answer is larger than {MOST_KEPT} bytes")  # noqa: TRY301 - told as any other
            self._append(self._file, line_of(self.row(heard)))
        except Exception as error:  # noqa: BLE001 - a recording that fails must be told, and harm no call
            # another's message may quote what it could not read, which is content
            why = str(error) if isinstance(error, CassetteError | OSError) else type(error).__name__
            _log.error("call_not_recorded", cassette=str(self.path), why=why)

    def _append(self, file: int, line: bytes) -> None:
        """The whole line, or nothing of it: a part of it would spoil the next line, and the cassette."""
        before = os.fstat(file).st_size
        if os.write(file, line) != len(line):
            os.ftruncate(file, before)
            raise OSError("the disk took a part of the line alone")

    def row(self, heard: Heard) -> RecordedCall:
        request = json.loads(heard.request)
        if self.content == "redacted":
            request = self._redaction.document(request)
        redact = self.content == "redacted" or heard.status in SAYS_KEYS
        return RecordedCall(
            api=heard.api,
            request=request,
            answer=RecordedAnswer(
                status=heard.status,
                headers=heard.headers,
                began=heard.began,
                pieces=tuple((at, text.decode("utf-8", "replace")) for at, text in self._pieces(heard, redact)),
                ended="whole" if heard.whole else "cut",
            ),
        )

    def _pieces(self, heard: Heard, redact: bool) -> Iterator[tuple[float, bytes]]:
        if is_stream(heard.headers):
            times, pieces, rest = split(heard.chunks)
            yield from zip(times, self._redaction.events(pieces) if redact else pieces, strict=True)
            if rest:
                yield heard.chunks[-1][0], self._redaction.broken_event(rest) if redact else rest
        elif heard.chunks:
            body = b"".join(chunk for _, chunk in heard.chunks)
            yield heard.chunks[-1][0], self._redaction.json_text(body) if redact else body


def split(chunks: Sequence[tuple[float, bytes]]) -> tuple[list[float], list[bytes], bytes]:
    """When each event of a stream was there in full, the events, and what came of one that was not."""
    stream = b"".join(chunk for _, chunk in chunks)
    came = list(accumulate(len(chunk) for _, chunk in chunks))
    ends = [match.end() for match in BLANK_LINE.finditer(stream)]
    pieces = [stream[start:end] for start, end in pairwise((0, *ends))]
    times = [chunks[bisect.bisect_left(came, end)][0] for end in ends]
    return times, pieces, stream[sum(map(len, pieces)) :]


def check(path: Path) -> None:
    """Raises CassetteError: there is such a file, which a new recording would not replace."""
    if path.exists():
        raise CassetteError(f"{path}: is there already; name another file, or remove it to record anew")
    if not path.absolute().parent.is_dir():
        raise CassetteError(f"{path}: there is no such folder; make it first")
