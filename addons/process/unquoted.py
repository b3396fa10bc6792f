"""What is logged of an exception: its type and where it was raised, never its text.

The text of an exception nobody foresaw may quote anything: a token, a key, a prompt. So every exception is replaced
before any log handler sees it, mitmproxy's own and mitmweb's list of events among them.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from typing import Final

import structlog

from addons.process.lockdown import OptionRefusedError
from addons.values.secret import SecretError

_log = structlog.get_logger("sidecar.unquoted")

FORESEEN: Final = (SecretError, OptionRefusedError)
"""Exceptions whose text is written here: it names references, or options and what they must be."""


def unquoted(error: BaseException) -> BaseException:
    """A stand-in of the same name, with the same traceback and causes, and no text."""
    first: BaseException | None = None
    for known in reversed(list(_chain(error))):
        kind = type(known)
        names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
        stand_in = type(kind.__name__, (Exception,), names)(*([str(known)] if isinstance(known, FORESEEN) else []))
        stand_in.__traceback__ = known.__traceback__
        stand_in.__context__ = first
        first = stand_in
    assert first
    return first


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, what it was raised from, and so on; a circle is gone round once."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)


def install() -> None:
    """From now on no log record of this process holds an exception's text, and no exception bypasses the log."""
    logging.setLogRecordFactory(lambda *args, **kwargs: without_text(logging.LogRecord(*args, **kwargs)))
    threading.excepthook = lambda given: _log.error("thread_failed", exc_info=given.exc_value)
    sys.unraisablehook = lambda given: _log.error("exception_ignored", exc_info=given.exc_value)


def without_text(record: logging.LogRecord) -> logging.LogRecord:
    """The same record, changed."""
    if isinstance(record.msg, dict):  # an event of structlog's, which its formatter takes out again
        if error := _exception(record.msg.get("exc_info")):
            record.msg = {**record.msg, "exc_info": unquoted(error)}
    elif error := _exception(record.exc_info):
        record.msg, record.args = _message(record.getMessage(), error), ()
        stand_in = unquoted(error)
        record.exc_info = (type(stand_in), stand_in, stand_in.__traceback__)
    return record


def _exception(given: object) -> BaseException | None:
    """As logging takes it: an exception, the three of ``sys.exc_info``, or True."""
    if isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        return given
    return sys.exception() if given else None


def _message(text: str, error: BaseException) -> str:
    """mitmproxy puts an exception's text into the message too."""
    for known in _chain(error):
        if said := str(known):
            text = text.replace(said, type(known).__name__)
    return text
