"""The one way out for all but calls: key sets, introspection, Foundry, token exchange."""

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
_MOST_AT_ONCE: Final = 32  # requests; a further one waits for a place, no longer than the deadline
MOST_UNDER_WAY: Final = 512
"""Requests, with those that wait for a place. Anybody who calls causes one, by a token of up to 16 KB, and may hang up.
What comes beyond fails at once.
"""


class HttpAnswer(NamedTuple):
    status: int
    body: bytes


class ExchangeError(ValueError):
    """No whole answer came; the message says why and never holds what was sent."""


class HttpClient:
    """One request, one answer, whatever its status.

    Tornado's own client, chosen by name: it reads no proxy settings from the environment, resolves names on a
    thread, and holds its deadline over resolving, connecting, TLS and the whole answer. Redirects are not followed
    (a token must not travel), certificates are always verified, compressed answers are not asked for.

    Args:
        deadline: seconds for all of it, from the moment it is sent.
        trusted_ca: PEM file of the authorities to trust instead of certifi's.

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
        """GET, or POST of ``body`` where one is given; its Content-Type stands in ``headers``.

        Raises:
            ExchangeError: no whole answer in time: unreachable, not trusted, too large, broken.
        """
        if self._under_way >= MOST_UNDER_WAY:
            raise ExchangeError(f"{MOST_UNDER_WAY} others are under way or wait")
        self._under_way += 1
        try:
            async with asyncio.timeout(self._deadline):  # tornado's own ends where a peer's odd answer is a fault to it
                response = await self._here().fetch(
                    url,
                    raise_error=False,  # a status alone is no error
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
        except Exception as error:  # its failures share no class; each means that there is no answer
            raise ExchangeError(f"{type(error).__name__}: {error}") from error
        finally:
            self._under_way -= 1
        if len(response.body) > _LARGEST_BODY:
            raise ExchangeError("the answer is too large")
        return HttpAnswer(response.code, response.body)

    def _here(self) -> "SimpleAsyncHTTPClient":
        """The client of the running loop: there is none yet when mitmproxy loads us."""
        from tornado.simple_httpclient import SimpleAsyncHTTPClient  # noqa: PLC0415 - costs every start 50 ms otherwise

        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            self._client = SimpleAsyncHTTPClient(
                force_instance=True,
                max_clients=_MOST_AT_ONCE,
                # Where an answer without a length is cut off and handed on; twice the limit, so that it shows.
                max_buffer_size=2 * _LARGEST_BODY,
                max_header_size=_LARGEST_HEADERS,
            )
        return self._client


def _trust(authorities: Path | None) -> ssl.SSLContext:
    if authorities is None:
        return ssl.create_default_context(cafile=certifi.where())
    pem = read_text(authorities)
    if not pem.strip():  # or else the context would take the system's authorities
        raise FileError(f"{authorities}: is empty; it must hold certificates in PEM")
    try:
        context = ssl.create_default_context(cadata=pem)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise FileError(f"{authorities}: holds no certificates in PEM that can be read: {error}") from error
    # Python 3.13 began to demand extensions that many clusters' own authorities lack (kubernetes-client/python#2394);
    # other languages' clients do not. Chain, name and dates are verified all the same.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
