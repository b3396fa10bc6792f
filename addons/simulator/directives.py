"""What a caller may ask the simulated provider to do: one line of words, ``status=429 retry_after=2``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

_LONGEST = 3600.0  # seconds


class DirectiveError(ValueError):
    """A directive that can't be followed; the message says what is wrong and which directives exist."""


class TokenCounts(NamedTuple):
    """The usage an answer reports."""

    input: int
    cached: int
    output: int
    reasoning: int
    cache_write: int = 0
    cache_write_12h: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Directives:
    """One answer's directives; the fields are the rows of ``TABLE``, the defaults an ordinary answer."""

    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    html: bool = False
    redirect: str | None = None
    delay: float = 0.0
    pause: float = 0.0
    sent: bool = False
    hold: int | None = None
    hang: bool = False
    reset: bool = False
    garbage: bool = False
    cut: int | None = None
    end: int | None = None
    split: int | None = None
    events: int | None = None
    incomplete: bool = False
    failed: bool = False
    error_event: bool = False
    echo_store: bool = False
    echo_background: bool = False
    echo_tier: str | None = None
    tool_call: bool = False
    reasoning: bool = False
    usage: TokenCounts | None = None


def _flag(value: str | None) -> bool:
    if value is not None:
        raise ValueError("stands alone, without a value")
    return True


def _given(value: str | None) -> str:
    if not value:
        raise ValueError("needs a value")
    return value


def _text(value: str | None) -> str:
    text = _given(value)
    if not (text.isascii() and text.isprintable()):
        raise ValueError("takes printable ASCII")
    return text


def _status(value: str | None) -> int:
    status = int(_given(value))
    if not 400 <= status <= 599:  # noqa: PLR2004 - HTTP's own numbers
        raise ValueError("takes 400 to 599")
    return status


def _seconds(value: str | None) -> float:
    seconds = float(_given(value))
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"takes 0 to {_LONGEST:.0f} seconds")
    return seconds


def _count(value: str | None) -> int:
    count = int(_given(value))
    if count < 0:
        raise ValueError("takes a number of 0 or more")
    return count


def _size(value: str | None) -> int:
    size = int(_given(value))
    if size < 1:
        raise ValueError("takes a number of 1 or more")
    return size


def _tokens(value: str | None) -> TokenCounts:
    counts = [_count(part) for part in _given(value).split(",")]
    if not 4 <= len(counts) <= len(TokenCounts._fields):  # noqa: PLR2004 - the first four belong together
        raise ValueError("takes four to six numbers: input,cached,output,reasoning,cache_write,cache_write_12h")
    return TokenCounts(*counts)


class Row(NamedTuple):
    """One directive: how it is written, what it does, how its value is read."""

    example: str
    does: str
    read: Callable[[str | None], Any]


TABLE: Final[Mapping[str, Row]] = {
    # -- errors
    "status": Row("status=429", "answer with this status and OpenAI's error body for it", _status),
    "code": Row("code=insufficient_quota", "error.code of that body", _text),
    "retry_after": Row("retry_after=2", "seconds in retry-after and retry-after-ms of that answer", _seconds),
    "html": Row("html", "an HTML page in place of JSON (status 200, or status=)", _flag),
    "redirect": Row("redirect=https://example.com/", "307 to that address", _text),
    # -- time
    "delay": Row("delay=1.5", "wait so many seconds before the headers", _seconds),
    "pause": Row("pause=0.2", "wait so many seconds between SSE events", _seconds),
    "sent": Row(
        "sent", "before each SSE event a comment line with the monotonic clock's seconds at its sending", _flag
    ),
    "hold": Row("hold=2", "after two SSE events (JSON: before the body) wait until the test releases the call", _count),
    "hang": Row("hang", "accept the request and never answer", _flag),
    # -- the connection
    "reset": Row("reset", "reset the TCP connection in place of an answer", _flag),
    "garbage": Row("garbage", "answer bytes that are not HTTP", _flag),
    "cut": Row("cut=3", "close after three SSE events (JSON: half the body) as if the line broke", _count),
    "end": Row("end=3", "end the body properly after three SSE events (JSON: half the body)", _count),
    "split": Row("split=7", "write the body in pieces of seven bytes", _size),
    # -- the answer
    "events": Row("events=100", "so many text deltas", _size),
    "incomplete": Row("incomplete", "status incomplete, stopped at max_output_tokens", _flag),
    "failed": Row("failed", "status failed, with an error in the response", _flag),
    "error_event": Row("error_event", "an SSE error event in place of the last one (JSON: status 500)", _flag),
    "echo_store": Row("echo_store", "the answer claims store: true", _flag),
    "echo_background": Row("echo_background", "the answer claims background: true", _flag),
    "echo_tier": Row("echo_tier=priority", "the answer claims this service_tier", _text),
    "tool_call": Row("tool_call", "call the first function or custom tool", _flag),
    "reasoning": Row("reasoning", "begin with a reasoning item that has a summary", _flag),
    "usage": Row(
        "usage=100,40,20,8", "tokens to report: input, cached, output, reasoning, cache writes, those for 12 h", _tokens
    ),
}


def read(line: str) -> Directives:
    """The directives of one line, separated by white space.

    Raises:
        DirectiveError: a word is not in the table, comes twice, or has a value it can't have.
    """
    found: dict[str, Any] = {}
    for word in line.split():
        name, equals, value = word.partition("=")
        if name not in TABLE:
            raise DirectiveError(f"There is no directive {name!r}. These exist: {', '.join(TABLE)}.")
        if name in found:
            raise DirectiveError(f"The directive {name!r} is given twice.")
        row = TABLE[name]
        try:
            found[name] = row.read(value if equals else None)
        except ValueError as error:
            raise DirectiveError(f"The directive {word!r} can't be read ({error}); write {row.example!r}.") from error
    for name in ("code", "retry_after"):
        if name in found and "status" not in found:
            raise DirectiveError(
                f"The directive {name!r} belongs to an error; write it beside {TABLE['status'].example!r}."
            )
    return Directives(**found)


def listing() -> str:
    """The table as text, one directive a line."""
    width = max(len(row.example) for row in TABLE.values())
    return "\n".join(f"{row.example:<{width}}  {row.does}" for row in TABLE.values())
