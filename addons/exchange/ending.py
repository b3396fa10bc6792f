"""Why an exchange ends before its time, and what that means for caller and record."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, NamedTuple

from addons.call import Outcome, To


class Ending(Enum):
    """Who or what ends an exchange that is under way. It arrives in its coroutine as a cancellation."""

    CALLER_GONE = auto()
    BODY_LATE = auto()  # the caller did not send its body in time
    CONNECT_LATE = auto()  # the other side could not be reached in time
    SILENT = auto()  # the other side sent nothing for too long
    TOTAL = auto()  # the whole answer took too long
    CALLER_STALLED = auto()  # the caller took nothing of its answer for too long
    FAULT = auto()  # of what carries the caller's bytes, so that nothing can be told
    SHUTDOWN = auto()


class Told(NamedTuple):
    """What one ending means.

    Args:
        outcome: for the record.
        refusal: a row of ``refusals.KINDS`` for a caller that has got nothing yet; None: it can't be told.
        message: what that caller is told.
        code, sentence: of the error event that ends a stream which has begun.
    """

    outcome: Outcome
    refusal: str | None = None
    message: str = ""
    code: str = "stream_truncated"
    sentence: str = ""


FAULT: Final = "The sidecar has an internal fault; nothing was sent to the provider. Its log has the details."
_SHUTTING_DOWN: Final = "The sidecar is shutting down; make the call again."


def _late(far: str, timeout: str) -> Told:
    sentence = f"{far} sent nothing for too long; the stream was ended."
    return Told(Outcome.TIMED_OUT, timeout, f"{far} did not answer in time.", "timeout", sentence)


def _table(far: str, timeout: str) -> Mapping[Ending, Told]:
    return {
        Ending.CALLER_GONE: Told(Outcome.CALLER_GONE),
        Ending.BODY_LATE: Told(
            Outcome.CALLER_STALLED, "body_timeout", "The body did not arrive in listen.body_seconds."
        ),
        Ending.CONNECT_LATE: _late(far, timeout),
        Ending.SILENT: _late(far, timeout),
        Ending.TOTAL: _late(far, timeout),
        Ending.CALLER_STALLED: Told(Outcome.CALLER_STALLED),
        Ending.FAULT: Told(Outcome.FAULT),
        Ending.SHUTDOWN: Told(
            Outcome.SHUT_DOWN, "shutting_down", _SHUTTING_DOWN, "sidecar_shutting_down", _SHUTTING_DOWN
        ),
    }


TOLD: Final[Mapping[To, Mapping[Ending, Told]]] = {
    "provider": _table("The model provider", "provider_timeout"),
    "foundry": _table("Foundry", "foundry_timeout"),
    "nobody": _table("The sidecar", "fault"),  # it waits for its caller alone
}
"""By where the call leaves for."""
