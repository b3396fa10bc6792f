"""Writes calls to a cassette, on a thread of its own, so that the event loop does not wait."""

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
from addons.cassettes.cassette import (
    CassetteError,
    Content,
    Header,
    RecordedAnswer,
    RecordedCall,
    encode_line,
    is_stream,
)
from addons.cassettes.redaction import Redaction

MOST_KEPT: Final = 64 * 1024 * 1024  # bytes of one answer
QUOTES_KEYS: Final = frozenset((401, 403))  # the provider repeats a part of the key that it does not accept

_log = structlog.get_logger("sidecar.cassette")


@dataclass(slots=True)
class CollectedCall:
    """One call while its answer arrives. Times are milliseconds since the request was sent."""

    api: str
    request: bytes = field(repr=False)
    status: int
    headers: tuple[tuple[str, str], ...]  # those to record, with names in lower case
    began: float  # when the head of the answer came
    chunks: list[tuple[float, bytes]] = field(default_factory=list, repr=False)
    whole: bool = False  # whether the answer came to its end
    size: int = 0  # bytes of all chunks

    def add_chunk(self, at: float, chunk: bytes) -> None:
        """Takes bytes of the answer's body. Over ``MOST_KEPT`` bytes, all are forgotten."""
        self.size += len(chunk)
        if self.size > MOST_KEPT:
            self.chunks.clear()
        else:
            self.chunks.append((at, chunk))


class CassetteWriter:
    """Makes a cassette and appends calls to it.

    Args:
        path: of the file, which must not exist.
        content: whether texts are redacted or kept.
    """

    def __init__(self, path: Path, content: Content) -> None:
        self.path = path
        self.content: Content = content
        self._header = Header(content=content, salt=secrets.token_hex(16))
        self._redaction = Redaction(self._header.salt)
        self._file: int | None = None
        self._thread = ThreadPoolExecutor(1, "cassette")

    def start(self) -> None:
        """Makes the file and writes its header.

        Raises:
            CassetteError: the file exists, or can't be made.
        """
        check_is_new(self.path)
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            self._append(self._file, encode_line(self._header))
        except OSError as error:
            raise CassetteError(f"{self.path}: can't be made: {error.strerror or error}") from None

    def close(self) -> None:
        """Waits until all calls are written, and closes the file."""
        self._thread.shutdown()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def add(self, collected: CollectedCall, quotes_key: Callable[[bytes], bool] = lambda _: False) -> None:
        """Queues a call to be written. Returns at once, and raises nothing.

        A call is not written, but an error is logged, where its answer is larger than ``MOST_KEPT`` bytes, or
        ``quotes_key`` says of its bytes that they quote the provider's credential.
        """
        self._thread.submit(self._write, collected, quotes_key)

    def _write(self, collected: CollectedCall, quotes_key: Callable[[bytes], bool]) -> None:
        try:
            assert self._file is not None
            if quotes_key(b"".join(chunk for _, chunk in collected.chunks) + repr(collected.headers).encode()):
                raise CassetteError("its answer quotes the provider's key")  # noqa: TRY301 - logged as any other error
            if collected.size > MOST_KEPT:
                raise CassetteError(f"its answer is larger than {MOST_KEPT} bytes")  # noqa: TRY301 - logged likewise
            self._append(self._file, encode_line(self.row(collected)))
        except Exception as error:  # noqa: BLE001 - a recording that fails must be logged, and harm no call
            # The message of another exception may quote content.
            why = str(error) if isinstance(error, CassetteError | OSError) else type(error).__name__
            _log.error("call_not_recorded", cassette=str(self.path), why=why)

    def _append(self, file: int, line: bytes) -> None:
        """Appends the whole line or nothing: after a part of a line, the next line could not be read."""
        before = os.fstat(file).st_size
        if os.write(file, line) != len(line):
            os.ftruncate(file, before)
            raise OSError("the disk took only a part of the line")

    def row(self, collected: CollectedCall) -> RecordedCall:
        """The line of the cassette for a call. Answers that may quote a part of the key are redacted in any case."""
        request = json.loads(collected.request)
        if self.content == "redacted":
            request = self._redaction.document(request)
        redact = self.content == "redacted" or collected.status in QUOTES_KEYS
        return RecordedCall(
            api=collected.api,
            request=request,
            answer=RecordedAnswer(
                status=collected.status,
                headers=collected.headers,
                began=collected.began,
                pieces=tuple((at, text.decode("utf-8", "replace")) for at, text in self._pieces(collected, redact)),
                ended="whole" if collected.whole else "cut",
            ),
        )

    def _pieces(self, collected: CollectedCall, redact: bool) -> Iterator[tuple[float, bytes]]:
        if is_stream(collected.headers):
            times, pieces, rest = split(collected.chunks)
            yield from zip(times, self._redaction.events(pieces) if redact else pieces, strict=True)
            if rest:
                yield collected.chunks[-1][0], self._redaction.broken_event(rest) if redact else rest
        elif collected.chunks:
            body = b"".join(chunk for _, chunk in collected.chunks)
            yield collected.chunks[-1][0], self._redaction.json_text(body) if redact else body


def split(chunks: Sequence[tuple[float, bytes]]) -> tuple[list[float], list[bytes], bytes]:
    """The times at which the events of a stream were complete, the events, and what came of an incomplete last one."""
    stream = b"".join(chunk for _, chunk in chunks)
    came = list(accumulate(len(chunk) for _, chunk in chunks))
    ends = [match.end() for match in BLANK_LINE.finditer(stream)]
    pieces = [stream[start:end] for start, end in pairwise((0, *ends))]
    times = [chunks[bisect.bisect_left(came, end)][0] for end in ends]
    return times, pieces, stream[sum(map(len, pieces)) :]


def check_is_new(path: Path) -> None:
    """Checks that a cassette can be made there.

    Raises:
        CassetteError: the file exists, or its folder does not.
    """
    if path.exists():
        raise CassetteError(f"{path}: the file exists; name another one, or remove it to record again")
    if not path.absolute().parent.is_dir():
        raise CassetteError(f"{path}: its folder does not exist; make it first")
