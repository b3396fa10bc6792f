"""Which answers pass, and which of their fields: a table, and what follows from it.

Fields that belong to one hop stay on it (RFC 9110 §7.6.1).
"""

import functools
from collections.abc import Iterator
from typing import Final, Literal

from addons.call import Call
from addons.exchange.answer_bytes import Fields, Framing
from addons.values.http_name import HOP_BY_HOP

STRIPPED: Final = frozenset(name.encode() for name in HOP_BY_HOP) | {
    # the operator's account and session (docs/contract.md#answers), and what is ours to say
    b"openai-organization", b"openai-project", b"set-cookie", b"alt-svc", b"strict-transport-security",
    b"sidecar-changes",
}  # fmt: skip
STRIPPED_PREFIXES: Final = (b"cf-", b"proxy-", b"x-ratelimit-")
"""The last are the organization's limits, which are none of the caller's business (docs/contract.md#answers)."""

_AS_LONG: Final = len(b"connection")
EVENTS: Final = b"text/event-stream"
JSON: Final = b"application/json"
type Passing = Literal["events", "json", "unread", "kept"]
"""How an answer passes: as a stream of events, as one JSON document, unread (Foundry's own), or not at all."""


def passing_of(call: Call, status: int, fields: dict[bytes, bytes]) -> Passing:
    """A success in a form the API answers in passes; a page with status 200 comes from something in between.

    Encoded, which the request asks not to be done, an answer could not be read along. Of Foundry itself passes
    whatever ends an exchange. ``fields`` by lower-case name.
    """
    if call.to == "foundry":
        return "unread"
    if not 200 <= status < 300 or fields.get(b"content-encoding", b"identity").lower() != b"identity":  # noqa: PLR2004 - HTTP's success class
        return "kept"
    media_type = fields.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type == EVENTS and call.api is not None and call.api.stream is not None:
        return "events"
    return "json" if media_type == JSON else "kept"


def passing_fields(fields: Fields, framing: Framing) -> Iterator[tuple[bytes, bytes]]:
    """The other side's header fields that reach the caller. Framing belongs to one hop, so it is left out."""
    named = b",".join(value for name, value in fields if len(name) == _AS_LONG and name.lower() == b"connection")
    of_hop = {name.strip().lower() for name in named.split(b",")} if named else ()
    length_stays = framing not in {"chunked", "close"}
    for name, value in fields:
        passing = _passing(name)
        if passing and passing not in of_hop and (length_stays or passing != b"content-length"):
            yield name, value


@functools.lru_cache(maxsize=512)
def _passing(name: bytes) -> bytes:
    """A name in lower case; empty where the tables keep it. Providers send the same ones again and again."""
    lowered = name.lower()
    return b"" if lowered in STRIPPED or lowered.startswith(STRIPPED_PREFIXES) else lowered
