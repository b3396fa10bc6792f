"""Every line of the process in one form: a JSON object, or readable on a terminal.

structlog's events and everything from the standard library, mitmproxy's own lines among them, leave by
mitmproxy's one handler. Tracebacks never show local variables, which would hold headers and bodies, nor the texts of
exceptions (``unquoted``).
"""

import io
import json
import logging
import re
import sys
from typing import Final, Literal

import structlog
from mitmproxy.addons.termlog import TermLogHandler

from addons.inspecting import summary
from addons.process import unquoted

_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(form: Literal["json", "console"] | None) -> None:
    """Takes over mitmproxy's terminal handler; called as soon as the script is loaded.

    ``form`` None: console when standard output is a terminal, json otherwise.
    """
    if form is None:
        form = "console" if sys.stdout.isatty() else "json"
    unquoted.install()
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_page_token, *_ending(form)],
    )
    for handler in logging.getLogger().handlers:
        if isinstance(handler, TermLogHandler):
            handler.setFormatter(formatter)
            handler.setLevel(logging.INFO)
    logging.captureWarnings(True)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a record is seen when it is written, in a pipe and a file too
    for quiet in ("mitmproxy.proxy.server", "mitmproxy.proxy.layers", "mitmproxy.tools.web.master"):
        logging.getLogger(quiet).setLevel(logging.WARNING)


def _ending(form: Literal["json", "console"]) -> tuple[structlog.typing.Processor, ...]:
    if form == "console":
        return (
            _one_line,
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        )
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer(_as_json)


_ENCODER: Final = json.JSONEncoder(default=str)


def _as_json(event: structlog.typing.EventDict, **_options: object) -> str:
    return _ENCODER.encode(event)


_PAGE_TOKEN: Final = re.compile(r"(?<=[?&]token=)[^\s&'\"]+")


def _without_page_token(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """mitmweb's page takes its token in the address, and tornado's complaints name the address."""
    if isinstance(text := event.get("event"), str) and "token=" in text:
        event["event"] = _PAGE_TOKEN.sub("…", text)
    return event


def _one_line(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A call's record as a line a person can read at a glance; the whole of it is what the json format is for."""
    if event.get("event") != "call" or "policy.decision" not in event:
        return event
    kept = {name: event[name] for name in ("timestamp", "level") if name in event}
    return {**kept, "event": summary.line(event)}
