"""What a log record keeps of an exception, whichever handler asks it."""

import logging
import sys
import traceback
from collections.abc import Callable

import pytest

from addons.process.lockdown import OptionRefusedError
from addons.process.unquoted import unquoted, without_text
from addons.values.secret import SecretError

WORDS = "what a caller said"


def raised(make: Callable[[], BaseException]) -> BaseException:
    try:
        raise make() from ValueError(WORDS)  # noqa: TRY301 - its traceback begins here
    except BaseException as error:  # noqa: BLE001 - the test's own
        return error


@pytest.mark.parametrize("kind", [KeyError, RuntimeError, UnicodeError, KeyboardInterrupt, AssertionError])
def test_type_and_place_stay_and_the_text_goes(kind: type[BaseException]) -> None:
    error = raised(lambda: kind(WORDS))
    error.add_note(WORDS)
    told = "".join(traceback.format_exception(unquoted(error)))
    assert WORDS not in told
    assert kind.__name__ in told
    assert "ValueError" in told
    assert "in raised" in told


@pytest.mark.parametrize("kind", [SecretError, OptionRefusedError])
def test_an_error_whose_text_is_ours_keeps_it(kind: type[Exception]) -> None:
    told = "".join(traceback.format_exception(unquoted(raised(lambda: kind("file a.key is empty")))))
    assert "file a.key is empty" in told
    assert WORDS not in told


def test_a_circle_of_causes_ends() -> None:
    first, second = RuntimeError(WORDS), ValueError(WORDS)
    first.__cause__, second.__cause__ = second, first
    assert WORDS not in "".join(traceback.format_exception(unquoted(first)))


@pytest.mark.parametrize("message", [f"Addon error: {WORDS}", "Addon error: %s", {"event": "fault"}])
@pytest.mark.parametrize("as_given", [False, True])
def test_no_form_of_a_record_keeps_it(message: object, as_given: bool) -> None:
    error = raised(lambda: RuntimeError(WORDS))
    given = error if as_given else (type(error), error, error.__traceback__)
    if isinstance(message, dict):
        record = logging.LogRecord("a", logging.ERROR, "", 1, {**message, "exc_info": given}, (), None)
    else:
        arguments = (WORDS,) if message == "Addon error: %s" else ()
        record = logging.LogRecord("a", logging.ERROR, "", 1, message, arguments, (type(error), error, None))
    told = logging.Formatter().format(without_text(record))
    assert WORDS not in told
    assert "RuntimeError" in told


def test_a_record_without_an_exception_is_left_alone() -> None:
    record = logging.LogRecord("a", logging.INFO, "", 1, "as %s", ("ever",), None)
    assert without_text(record).getMessage() == "as ever"
    assert sys.exception() is None
