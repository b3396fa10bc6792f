"""The file of recorded calls, in JSON Lines: a header in the first line, then one call in each line.

{"cassette": 1, "content": "redacted", "salt": "…"}
{"api": "responses", "request": {"model": "gpt-5.2", …}, "answer": {"status": 200, "headers": […], "pieces": […], …}}
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from addons.values.small_file import FileError, read_text

type Content = Literal["redacted", "kept"]
"""Whether a cassette holds texts, or marks in their place."""

RECORDED_HEADERS: Final = ("content-type", "x-request-id", "retry-after", "retry-after-ms", "openai-processing-ms")
RECORDED_PREFIX: Final = "x-ratelimit-"
"""The headers of the answer that are recorded. None of the request are."""


EVENTS: Final = "text/event-stream"

MOST: Final = 256 << 20  # bytes of a cassette that is read; in memory it takes several times as much


class CassetteError(Exception):
    """A cassette can't be made or read. The message names the file, and the line where there is one."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Header(_Row):
    """The first line. ``salt`` makes the marks of redacted texts differ from those of other cassettes."""

    cassette: Literal[1] = 1
    content: Content
    salt: str


def _sendable(text: str) -> str:
    """Raises ValueError: the text holds half a surrogate pair, which JSON can write and UTF-8 can't."""
    text.encode()
    return text


class RecordedAnswer(_Row):
    """The provider's answer. Times are milliseconds since the request was sent."""

    status: int = Field(ge=200, le=599)
    headers: tuple[tuple[str, str], ...] = ()
    began: float = Field(ge=0)  # when its head came
    pieces: tuple[tuple[float, Annotated[str, AfterValidator(_sendable)]], ...] = ()
    """Times, and the events of a stream, each with the blank line that ends it; or one time and the whole body."""
    ended: Literal["whole", "cut"]  # cut: the connection ended before the answer did


class RecordedCall(_Row):
    """A further line. ``request`` is the JSON body that was sent to the provider, ``api`` the name of the API.

    Cassettes of 0.1 have no ``api``: that version had one API.
    """

    api: str = "responses"
    request: dict[str, Any]
    answer: RecordedAnswer


class Cassette:
    """A cassette that was read. ``calls`` are by the number of their line, in the order in which they ended."""

    def __init__(self, name: str, header: Header, calls: dict[int, RecordedCall]) -> None:
        self.name = name
        self.header = header
        self.calls = calls


def is_stream(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether the headers, with names in lower case, are those of server-sent events."""
    return any(name == "content-type" and value.startswith(EVENTS) for name, value in headers)


def encode_line(row: Header | RecordedCall) -> bytes:
    """The row as a line of the file, in ASCII, with its line feed."""
    return json.dumps(row.model_dump(mode="python"), separators=(",", ":")).encode() + b"\n"


def read(path: Path) -> Cassette:
    """The cassette in a file.

    Raises:
        CassetteError: the file can't be read, is larger than ``MOST``, or a line of it is no row of a cassette.
    """
    try:
        return parse(str(path), read_text(path, MOST))
    except FileError as error:
        raise CassetteError(str(error)) from None


def parse(name: str, text: str) -> Cassette:
    """The cassette in a text. ``name`` is its name in errors.

    Raises:
        CassetteError: a line is no row of a cassette.
    """
    lines = text.split("\n")
    if not lines[0]:
        raise CassetteError(f"{name}: a cassette begins with its header line")
    header = _parsed(Header, name, 1, lines[0])
    calls = {number: _parsed(RecordedCall, name, number, line) for number, line in enumerate(lines[1:], 2) if line}
    return Cassette(name, header, calls)


def _parsed[Row: _Row](kind: type[Row], name: str, number: int, text: str) -> Row:
    try:
        return kind.model_validate(json.loads(text))
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise CassetteError(f"{name}:{number}: {where}: {fault['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise CassetteError(f"{name}:{number}: not JSON: {error}; record it again, or remove the line") from None
