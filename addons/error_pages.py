"""Has mitmproxy speak our refusals where it would show its own HTML page or cut the line.

mitmproxy gives addons no way to do this (its issue 7999 is open), so two functions of its HTTP/1 server are
replaced. Nothing here decides whether a call leaves: with another mitmproxy than was tried, they stay
untouched and a caller gets the HTML page instead, which is worse to read and just as closed.
"""

from typing import Final
from weakref import WeakKeyDictionary

from mitmproxy import http
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import Connection
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.layers.http import _http1
from mitmproxy.proxy.layers.http._events import HttpEvent, ResponseProtocolError

from addons.as_tried import as_tried
from addons.foundry.envelope import ErrorFormat, render
from addons.foundry.refusals import Refusal

_STOCK_SEND: Final = _http1.Http1Server.send
_STOCK_PAGE: Final = _http1.make_error_response

EXPECTED: Final = (
    (_STOCK_SEND, "(self, event: mitmproxy.proxy.layers.http._base.HttpEvent)"),
    (_STOCK_PAGE, "(status_code: int, message: str = '') -> bytes"),
)
"""What the two functions must look like to be replaced."""


class ErrorPages:
    """Addon: what is to be said on a client connection whose exchange failed inside mitmproxy."""

    name = "sidecar-error-pages"

    def __init__(self, error_format: ErrorFormat = "hybrid") -> None:
        self._error_format: ErrorFormat = error_format
        self._answers: WeakKeyDictionary[Connection, http.Response] = WeakKeyDictionary()
        self._last_words: WeakKeyDictionary[Connection, bytes] = WeakKeyDictionary()

    def answer_instead(self, client: Connection, response: http.Response) -> None:
        """Nothing was sent yet: the caller gets this answer, and then the connection closes."""
        response.headers["Connection"] = "close"
        self._answers[client] = response

    def say_last(self, client: Connection, words: bytes) -> None:
        """The answer has begun: the caller gets these bytes, if any, and a proper end of the body."""
        self._last_words[client] = words

    def load(self, _loader: Loader) -> None:
        if not as_tried(EXPECTED, "error_pages_left_alone"):
            return

        def send(server: _http1.Http1Server, event: HttpEvent) -> layer.CommandGenerator[None]:
            if isinstance(event, ResponseProtocolError) and event.stream_id != server.stream_id:
                return _nothing()  # a second error of an exchange that has had its last words
            if isinstance(event, ResponseProtocolError) and (words := self._words_for(server)) is not None:
                return _speak(server, event, words)
            return _STOCK_SEND(server, event)

        _http1.Http1Server.send = send  # type: ignore[method-assign, assignment]  # what this module is for
        _http1.make_error_response = self._page  # the same

    def done(self) -> None:
        _http1.Http1Server.send = _STOCK_SEND  # type: ignore[method-assign]  # as above
        _http1.make_error_response = _STOCK_PAGE

    def _words_for(self, server: _http1.Http1Server) -> bytes | None:
        if server.response is None:
            answer = self._answers.pop(server.conn, None)
            return None if answer is None else _wire(answer)
        words = self._last_words.pop(server.conn, None)
        if words is not None and "chunked" in server.response.headers.get("transfer-encoding", "").lower():
            return (b"%x\r\n%s\r\n" % (len(words), words) if words else b"") + b"0\r\n\r\n"
        return words

    def _page(self, status_code: int, message: str = "") -> bytes:  # noqa: ARG002 - mitmproxy's signature
        """For requests so broken that no flow was made of them."""
        name = "bad_target" if status_code < 500 else "fault"  # noqa: PLR2004 - HTTP's server error class
        # not in mitmproxy's words: they quote what came, which may hold a token
        status, headers, body = render(Refusal(name, "The request is not well-formed HTTP."), self._error_format)
        return _wire(http.Response.make(status, body, headers | {"Connection": "close"}))


def _wire(response: http.Response) -> bytes:
    assembled: bytes = http1.assemble_response(response)
    return assembled


def _nothing() -> layer.CommandGenerator[None]:
    yield from ()


def _speak(server: _http1.Http1Server, event: HttpEvent, words: bytes) -> layer.CommandGenerator[None]:
    yield commands.SendData(server.conn, words)
    if server.response is None:
        server.response = http.Response.make()  # so that no page follows
        yield from _STOCK_SEND(server, event)
    else:  # it ended as HTTP should, and the connection can serve the next call
        yield from server.mark_done(response=True)
