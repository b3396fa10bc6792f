"""The file of recorded calls: JSON Lines, a header first, then one call a line.

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

SHOWN_HEADERS: Final = ("content-type", "x-request-id", "retry-after", "retry-after-ms", "openai-processing-ms")
SHOWN_PREFIX: Final = "x-ratelimit-"
"""The answer's headers that are recorded; of the request's there are none."""


EVENTS: Final = "text/event-stream"

MOST: Final = 256 << 20  # bytes of a cassette; what is read of it takes several times as much


class CassetteError(Exception):
    """A cassette can't be made, or is not one; the message names the file, and the line where there is one."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Header(_Row):
    """``salt`` is what the marks for redacted texts are made with."""

    cassette: Literal[1] = 1
    content: Content
    salt: str


def _sendable(text: str) -> str:
    """Raises ValueError: it holds half a surrogate pair, which JSON can spell and nobody can send."""
    text.encode()
    return text


class RecordedAnswer(_Row):
    """What the provider said. Times are milliseconds since the request left.

    ``pieces`` are whole events of a stream with the blank line that ends each, or the one body. ``cut``: the
    connection ended before the answer did.
    """

    status: int = Field(ge=200, le=599)
    headers: tuple[tuple[str, str], ...] = ()
    began: float = Field(ge=0)
    pieces: tuple[tuple[float, Annotated[str, AfterValidator(_sendable)]], ...] = ()
    ended: Literal["whole", "cut"]


class RecordedCall(_Row):
    """``request`` is the JSON body that left for the provider, ``api`` the name of the API it asked.

    Cassettes of 0.1 do not say the latter: that version had one API.
    """

    api: str = "responses"
    request: dict[str, Any]
    answer: RecordedAnswer


class Cassette:
    """``calls`` by the number of their line, in the order they ended."""

    def __init__(self, name: str, header: Header, calls: dict[int, RecordedCall]) -> None:
        self.name = name
        self.header = header
        self.calls = calls


def is_stream(headers: Iterable[tuple[str, str]]) -> bool:
    return any(name == "content-type" and value.startswith(EVENTS) for name, value in headers)


def line_of(row: Header | RecordedCall) -> bytes:
    return json.dumps(row.model_dump(mode="python"), separators=(",", ":")).encode() + b"\n"


def read(path: Path) -> Cassette:
    """The cassette in a file.

    Raises:
        CassetteError: the file can't be read, or a line of it is not what stands above.
    """
    try:
        return parse(str(path), read_text(path, MOST))
    except FileError as error:
        raise CassetteError(str(error)) from None


def parse(name: str, text: str) -> Cassette:
    """The cassette in a text, as ``read``; ``name`` is what errors call it by."""
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
        raise CassetteError(f"{name}:{number}: not JSON: {error}; record it anew, or take the line out") from None
