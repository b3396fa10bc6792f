"""Sends requests to the services that verify callers and give tokens: key sets, introspection, Foundry, token exchange.

Calls do not use it: they are sent by `addons/exchange/upstream`.
"""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import certifi

from addons.values.small_file import FileError, read_text

if TYPE_CHECKING:
    from tornado.simple_httpclient import SimpleAsyncHTTPClient

_LARGEST_BODY: Final = 1 << 20  # bytes
_LARGEST_HEADERS: Final = 64 << 10  # bytes
_MOST_AT_ONCE: Final = 32  # requests; a further one waits for one of them to end, no longer than the deadline
MOST_UNDER_WAY: Final = 512
"""Requests under way, with those that wait. One more fails at once. Anybody can cause a request, by a token of up to
16 KB, and hang up.
"""


class HttpAnswer(NamedTuple):
    """An answer of any status; ``body`` has at most 1 MiB."""

    status: int
    body: bytes


class ExchangeError(ValueError):
    """There is no whole answer. The message says why, and never holds what was sent."""


class HttpClient:
    """Sends a request and returns its answer, whatever the status.

    It is Tornado's ``SimpleAsyncHTTPClient``, which reads no proxy settings from the environment and resolves names on
    a thread. Redirects are not followed, since a token must not reach another host. Certificates are always verified.
    Compressed answers are not asked for.

    Args:
        deadline: seconds for one request in all: waiting for others, resolving, connecting, TLS and the whole answer.
        trusted_ca: PEM file of the authorities to trust; None: certifi's.

    Raises:
        FileError: ``trusted_ca`` can't be used.
    """

    def __init__(self, deadline: float, trusted_ca: Path | None = None) -> None:
        self._deadline = deadline
        self._tls = _trust(trusted_ca)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: SimpleAsyncHTTPClient | None = None  # made when first needed: it costs the start some 50 ms
        self._under_way = 0

    async def fetch(self, url: str, headers: Mapping[str, str], body: bytes | None = None) -> HttpAnswer:
        """The answer to a GET, or to a POST where there is a ``body``; ``headers`` must name the body's Content-Type.

        Raises:
            ExchangeError: no whole answer came in time: the host is unreachable or not trusted, the answer is broken,
                or larger than 1 MiB; or too many requests are under way.
        """
        if self._under_way >= MOST_UNDER_WAY:
            raise ExchangeError(f"{MOST_UNDER_WAY} other requests are under way or wait")
        self._under_way += 1
        try:
            async with asyncio.timeout(self._deadline):  # Tornado's own is lost where a malformed answer makes it fail
                response = await self._here().fetch(
                    url,
                    raise_error=False,  # no status is an error here
                    method="GET" if body is None else "POST",
                    headers=dict(headers),
                    body=body,
                    connect_timeout=self._deadline,
                    request_timeout=self._deadline,
                    follow_redirects=False,
                    decompress_response=False,
                    ssl_options=self._tls,
                    user_agent="foundry-sidecar",
                )
        except TimeoutError:
            raise ExchangeError(f"no whole answer within {self._deadline:g} s") from None
        except Exception as error:  # Tornado's errors share no class; each means that there is no answer
            raise ExchangeError(f"{type(error).__name__}: {error}") from error
        finally:
            self._under_way -= 1
        if len(response.body) > _LARGEST_BODY:
            raise ExchangeError("the answer is too large")
        return HttpAnswer(response.code, response.body)

    def _here(self) -> "SimpleAsyncHTTPClient":
        """The client of the running event loop. There is no loop yet when mitmproxy loads the addons."""
        from tornado.simple_httpclient import SimpleAsyncHTTPClient  # noqa: PLC0415 - costs every start 50 ms otherwise

        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            self._client = SimpleAsyncHTTPClient(
                force_instance=True,
                max_clients=_MOST_AT_ONCE,
                # Tornado cuts an answer without a length here, without an error. It is more than the limit, so that
                # ``fetch`` sees that the answer is too large.
                max_buffer_size=2 * _LARGEST_BODY,
                max_header_size=_LARGEST_HEADERS,
            )
        return self._client


def _trust(authorities: Path | None) -> ssl.SSLContext:
    if authorities is None:
        return ssl.create_default_context(cafile=certifi.where())
    pem = read_text(authorities)
    if not pem.strip():  # with empty text the context would take the system's authorities
        raise FileError(f"{authorities}: is empty; it must hold certificates in PEM")
    try:
        context = ssl.create_default_context(cadata=pem)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise FileError(f"{authorities}: holds no certificates in PEM that can be read: {error}") from error
    # Since Python 3.13 authorities need extensions that those of many clusters lack (kubernetes-client/python#2394).
    # Clients in other languages do not demand them. Chain, name and dates are verified without the flag too.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
