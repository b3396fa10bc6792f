"""Functions of mitmproxy's messages that give the same with less work."""

from collections.abc import Callable
from typing import Any, Final

import h11
from mitmproxy.http import Headers
from mitmproxy.proxy.layers.http import _http1

_STOCK_READER: Final = _http1.make_body_reader


def get_all(headers: Headers, name: str | bytes) -> list[str]:
    """As ``Headers.get_all``, which calls two functions for each header there is; a call looks some 30 times."""
    wanted = (name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")).lower()
    return [value.decode("utf-8", "surrogateescape") for key, value in headers.fields if key.lower() == wanted]


def unchecked(_message: Any) -> None:
    """In place of a check of each message's types against its annotations, which mitmproxy makes of its own work."""


def make_body_reader(expected_size: int | None) -> Any:
    """As mitmproxy's. The chunks that one read has brought are handed on together, so they also leave together."""
    reader = _STOCK_READER(expected_size)
    return Gathering(reader) if expected_size is None else reader  # None: in chunks


class Gathering:
    """A reader of h11's that gives in one ``Data`` what the one inside would give in many; and then what follows it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._next: Callable[[], Any] | None = None
        self.read_eof = inner.read_eof

    def __call__(self, buffer: Any) -> Any:
        if self._next:
            following, self._next = self._next, None
            return following()
        pieces: list[bytes] = []
        try:
            while isinstance(event := self._inner(buffer), h11.Data):
                pieces.append(event.data)
        except h11.ProtocolError as error:
            if not pieces:
                raise
            self._next = _raising(error)
        else:
            if not pieces:
                return event
            self._next = lambda: event
        return h11.Data(data=b"".join(pieces))


def _raising(error: h11.ProtocolError) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail
