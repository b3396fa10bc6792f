"""How one answer goes over the wire: with the delays, cuts and errors its directives ask for."""

import asyncio
import datetime as dt
import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from email.utils import format_datetime
from typing import Any

from addons.simulator import errors
from addons.simulator.directives import Directives
from addons.simulator.simulated_apis import SimulatedApi
from addons.simulator.wire import Peer

_PAGE = b"<!doctype html>\n<title>Simulated</title>\n<p>A page where JSON was expected.</p>\n"
_GARBAGE = b"\x15\x03\x03 this is not HTTP\r\n\r\n"


async def deliver(
    peer: Peer, api: SimulatedApi, request: Mapping[str, Any], how: Directives, released: asyncio.Event
) -> None:
    """Answer ``request`` over ``peer`` as ``how`` directs; ``released`` ends a ``hold``.

    Leaves the answer unfinished where that is what the directive means; the connection is then to be closed.
    """
    await asyncio.sleep(how.delay)
    if how.hang:
        await asyncio.Event().wait()
    if how.reset:
        peer.reset()
    elif how.garbage:
        await peer.raw(_GARBAGE)
    elif how.html:
        await peer.whole(how.status or 200, _headers("text/html; charset=utf-8", _PAGE), _PAGE)
    elif how.redirect is not None:
        await peer.whole(307, [*_headers("text/plain", b""), ("Location", how.redirect)], b"")
    elif how.status is not None:
        await fail(peer, errors.simulated(how.status, how.code), how.retry_after)
    else:
        await _respond(peer, api, request, how, released)


async def fail(peer: Peer, error: errors.Error, retry_after: float | None = None) -> None:
    """Answer with an error in OpenAI's shape."""
    body = _json(error.body())
    headers = _headers("application/json", body)
    if retry_after is not None:
        headers += [("retry-after", f"{retry_after:g}"), ("retry-after-ms", f"{retry_after * 1000:.0f}")]
    await peer.whole(error.status, headers, body)


async def _respond(
    peer: Peer, api: SimulatedApi, request: Mapping[str, Any], how: Directives, released: asyncio.Event
) -> None:
    try:
        answer = api.answer(request, how)
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # of another shape than the API's
        return await fail(peer, errors.Error(400, f"Simulated provider: {error}"))
    if api.events is None or not request.get("stream"):
        if how.error_event:
            return await fail(peer, errors.simulated(500, None))
        return await _send_json(peer, _json(answer), how, released)
    await _send_events(peer, api.events(answer, request, how), how, released)
    return None


async def _send_json(peer: Peer, body: bytes, how: Directives, released: asyncio.Event) -> None:
    if how.end is not None:
        body = body[: len(body) // 2]
    headers = _headers("application/json", body)
    if how.hold is None and how.cut is None and how.split is None:
        return await peer.whole(200, headers, body)
    await peer.head(200, headers)
    if how.hold is not None:
        await released.wait()
    for piece in _split(body if how.cut is None else body[: len(body) // 2], how.split):
        await peer.data(piece)
    if how.cut is None:
        await peer.end()
    return None


async def _send_events(peer: Peer, stream: Iterable[bytes], how: Directives, released: asyncio.Event) -> None:
    await peer.head(200, _headers("text/event-stream; charset=utf-8", None))
    for number, event in enumerate(stream):
        if number == how.hold:
            await released.wait()
        if number in (how.cut, how.end):
            break
        if number and how.pause:
            await asyncio.sleep(how.pause)
        if how.sent:
            await peer.data(b": sent %.6f\n" % time.monotonic())
        for piece in _split(event, how.split):
            await peer.data(piece)
    if how.cut is None:
        await peer.end()


def _split(data: bytes, size: int | None) -> Iterator[bytes]:
    step = size or max(1, len(data))
    for start in range(0, len(data), step):
        yield data[start : start + step]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode()


def _headers(content_type: str, body: bytes | None) -> list[tuple[str, str]]:
    """What OpenAI's front sends along, most of it of no business to a caller; no ``body``: chunked."""
    framing = ("Transfer-Encoding", "chunked") if body is None else ("Content-Length", str(len(body)))
    return [
        ("Date", format_datetime(dt.datetime.now(dt.UTC), usegmt=True)),
        ("Content-Type", content_type),
        framing,
        ("Connection", "keep-alive"),
        ("x-request-id", f"req_{secrets.token_hex(16)}"),
        ("openai-organization", "simulated-organization"),
        ("openai-project", "proj_simulated"),
        ("openai-processing-ms", "12"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "1000"),
        ("x-ratelimit-limit-tokens", "500000"),
        ("x-ratelimit-remaining-requests", "999"),
        ("x-ratelimit-remaining-tokens", "499000"),
        ("x-ratelimit-reset-requests", "60ms"),
        ("x-ratelimit-reset-tokens", "120ms"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
        ("X-Content-Type-Options", "nosniff"),
        ("Server", "cloudflare"),
        ("cf-cache-status", "DYNAMIC"),
        ("CF-RAY", f"{secrets.token_hex(8)}-FRA"),
        ("Set-Cookie", "__cf_bm=simulated; path=/; HttpOnly; Secure"),
        ("Set-Cookie", "_cfuvid=simulated; path=/; HttpOnly; Secure"),
        ("alt-svc", 'h3=":443"; ma=86400'),
    ]
