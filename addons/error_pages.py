"""Has mitmproxy speak our refusals where it would show its own HTML page or cut the line.

mitmproxy gives addons no way to do this (its issue 7999 is open), so two functions of its HTTP/1 server are
replaced. Nothing here decides whether a call leaves: with another mitmproxy than was tried, they stay
untouched and a caller gets the HTML page instead, which is worse to read and just as closed.
"""

import inspect
from collections.abc import Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

import structlog
from mitmproxy import http
from mitmproxy.connection import Client
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.layers.http import _http1
from mitmproxy.proxy.layers.http._events import HttpEvent, ResponseProtocolError

from addons.foundry.envelope import ErrorFormat, render
from addons.foundry.refusals import Refusal

EXPECTED: Final = {
    "make_error_response": (_http1, "(status_code: int, message: str = '') -> bytes"),
    "send": (_http1.Http1Server, "(self, event: mitmproxy.proxy.layers.http._base.HttpEvent)"),
}

_log = structlog.get_logger("sidecar.error_pages")


class ErrorPages:
    """What is to be said on a client connection whose exchange failed inside mitmproxy."""

    def __init__(self, error_format: ErrorFormat = "hybrid") -> None:
        self._error_format: ErrorFormat = error_format
        self._answers: WeakKeyDictionary[Client, http.Response] = WeakKeyDictionary()
        self._last_words: WeakKeyDictionary[Client, bytes] = WeakKeyDictionary()

    def answer_instead(self, client: Client, response: http.Response) -> None:
        """Nothing was sent yet: the caller gets this answer, and then the connection closes."""
        response.headers["Connection"] = "close"
        self._answers[client] = response

    def say_last(self, client: Client, words: bytes) -> None:
        """The answer has begun: the caller gets these bytes and a proper end of the body."""
        self._last_words[client] = words

    def install(self) -> None:
        for name, (owner, signature) in EXPECTED.items():
            found = inspect.signature(getattr(owner, name, install_failed))
            if not str(found).startswith(signature):
                _log.warning("error_pages_left_alone", function=name, expected=signature, found=str(found))
                return
        stock_send = _http1.Http1Server.send

        def send(server: _http1.Http1Server, event: HttpEvent) -> layer.CommandGenerator[None]:
            if isinstance(event, ResponseProtocolError) and (words := self._words_for(server)):
                return _speak(server, event, words, stock_send)
            return stock_send(server, event)

        _http1.Http1Server.send = send  # type: ignore[method-assign] - what this module is for
        _http1.make_error_response = self._page  # type: ignore[assignment] - the same

    def _words_for(self, server: _http1.Http1Server) -> bytes:
        if server.response is None:
            answer = self._answers.pop(server.conn, None)
            return b"" if answer is None else http1.assemble_response(answer)
        words = self._last_words.pop(server.conn, b"")
        if words and "chunked" in server.response.headers.get("transfer-encoding", "").lower():
            return b"%x\r\n%s\r\n0\r\n\r\n" % (len(words), words)
        return words

    def _page(self, status_code: int, message: str = "") -> bytes:
        """For requests so broken that no flow was made of them."""
        name = "bad_target" if status_code < 500 else "fault"  # noqa: PLR2004 - HTTP's server error class
        status, headers, body = render(Refusal(name, f"The request can't be served: {message}"), self._error_format)
        return http1.assemble_response(http.Response.make(status, body, headers | {"Connection": "close"}))


def _speak(server: _http1.Http1Server, event: HttpEvent, words: bytes, stock_send: Any) -> Iterator[commands.Command]:
    yield commands.SendData(server.conn, words)
    server.response = server.response or http.Response.make()  # so that no page follows
    yield from stock_send(server, event)


def install_failed() -> None:
    """Stands in the signature check for a function that is gone."""
