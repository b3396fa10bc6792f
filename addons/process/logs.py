"""Every line of the process in one form: a JSON object, or readable on a terminal.

Calls' records go straight to the thread that writes (``journal.lines``). structlog's events and everything from the
standard library, mitmproxy's own lines among them, come there through the standard library's root logger, to which
mitmproxy listens too: an error logged while it starts ends it, and mitmweb lists events. Tracebacks never show local
variables, which would hold headers and bodies, nor the texts of exceptions (``unquoted``).
"""

import atexit
import logging
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog
from mitmproxy.addons.termlog import TermLogHandler

from addons.inspecting import summary
from addons.journal.journal import CALLS, CallLog
from addons.journal.lines import LineWriter, json_line
from addons.process import unquoted
from addons.process.repeated import Repeated

type Form = Literal["json", "console"]
type Render = Callable[[Mapping[str, Any]], bytes]
"""An event as a line, with its end. Raises nothing."""

_TIME: Final = structlog.processors.TimeStamper(fmt="iso", utc=True)
_SHARED: Final[tuple[structlog.typing.Processor, ...]] = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    _TIME,
)

_writer: LineWriter | None = None
_calls: CallLog | None = None


def configure(form: Form | None) -> LineWriter:
    """Takes the place of mitmproxy's terminal handler; called as soon as the script is loaded, once a process.

    ``form`` None: console when standard output is a terminal, json otherwise.
    """
    global _calls, _writer  # noqa: PLW0603 - a process has one standard output
    if form is None:
        form = "console" if sys.stdout.isatty() else "json"
    render = json_line if form == "json" else _console_line
    sys.stdout.flush()
    writer = _writer = LineWriter(sys.stdout.fileno(), lambda lines: render(_told_of(lines)))
    _calls = _Calls(writer, render)
    own = _Handler(writer, render, form)
    atexit.register(_finish, writer, own)
    unquoted.install()
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, TermLogHandler):
            handler.uninstall()
    root.addHandler(own)
    logging.captureWarnings(True)
    for quiet in ("mitmproxy.proxy.server", "mitmproxy.proxy.layers", "mitmproxy.tools.web.master"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    return writer


def writer() -> LineWriter | None:
    """What writes the log of this process, where ``configure`` was called."""
    return _writer


def calls() -> CallLog | None:
    """Where calls' records go, likewise."""
    return _calls


def dropped() -> int:
    """Lines of the log that were not written since the start."""
    return _writer.dropped if _writer else 0


def failure() -> str | None:
    """Why the log can't be written any more; None while it can."""
    return _writer.failure if _writer else None


def _finish(writer: LineWriter, handler: "_Handler") -> None:
    handler.tell_repeated()
    if not writer.close():
        why = writer.failure or "its reader is too slow"
        sys.stderr.write(f"The log could not be written ({why}): {writer.dropped} lines are lost.\n")


def _told_of(lines: int) -> Mapping[str, Any]:
    return _TIME(None, "error", {"event": "log_lines_dropped", "lines": lines, "level": "error", "logger": "sidecar"})


class _Calls:
    """Calls' lines, without a logger in between: half of what a line costs would be that."""

    def __init__(self, writer: LineWriter, render: Render) -> None:
        self._writer = writer
        self._render = render

    def info(self, event: str, /, **record: Any) -> None:
        self._write("info", event, record)

    def warning(self, event: str, /, **record: Any) -> None:
        self._write("warning", event, record)

    def error(self, event: str, /, **record: Any) -> None:
        self._write("error", event, record)

    def _write(self, level: str, event: str, record: Mapping[str, Any]) -> None:
        time = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = {"event": event, "level": level, "logger": CALLS, "timestamp": time, **record}
        self._writer.write(self._render(line))


class _Handler(logging.Handler):
    """Everything that goes through the standard library's loggers, from INFO on."""

    def __init__(self, writer: LineWriter, render: Render, form: Form) -> None:
        super().__init__(logging.INFO)
        self._writer = writer
        self._render = render
        self._repeated = Repeated()
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        self.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=_SHARED,
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _without_page_token,
                    *([structlog.processors.ExceptionRenderer(tracebacks)] if form == "json" else []),
                    lambda _logger, _method, event: render(event).decode(),
                ],
            )
        )

    def emit(self, record: logging.LogRecord) -> None:
        if self._repeated.over:
            self.tell_repeated()
        if not self._repeated.is_written(_kind(record)):
            return
        try:
            line = self.format(record).encode(errors="replace")
        except Exception as error:  # noqa: BLE001 - what can't be told is named
            line = json_line({"event": "line_not_written", "logger": record.name, "why": type(error).__name__})
        self._writer.write(line)

    def tell_repeated(self) -> None:
        """Of lines that were left out since the last time, if any."""
        if left_out := self._repeated.sum():
            about = {"event": "lines_summed", "lines": left_out, "level": "warning", "logger": "sidecar"}
            self._writer.write(self._render(_TIME(None, "warning", about)))


def _kind(record: logging.LogRecord) -> str:
    """What repeats: an event of ours, of alarms each by itself; of others whatever one logger says on one level."""
    if isinstance(event := record.msg, dict):
        return f"{event.get('event')} {event.get('alarm', '')}".rstrip()
    return f"{record.name} {record.levelname}"


_CONSOLE: Final = structlog.dev.ConsoleRenderer(
    colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
)


def _console_line(event: Mapping[str, Any]) -> bytes:
    """For a person: of a call's record one line that can be read at a glance, the rest as structlog shows it."""
    try:
        if event.get("event") == "call" and "call.outcome" in event:
            kept = {name: event[name] for name in ("timestamp", "level") if name in event}
            event = {**kept, "event": summary.line(event)}
        return f"{_CONSOLE(None, '', dict(event))}\n".encode(errors="replace")
    except Exception:  # noqa: BLE001 - told in the other form rather than not at all
        return json_line(event)


_PAGE_TOKEN: Final = re.compile(r"(?<=[?&]token=)[^\s&'\"]+")


def _without_page_token(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """mitmweb's page takes its token in the address, and tornado's complaints name the address."""
    if isinstance(text := event.get("event"), str) and "token=" in text:
        event["event"] = _PAGE_TOKEN.sub("…", text)
    return event
