"""Gate: one of Foundry's other paths as Foundry will see it: what the caller sent, less what is of this hop alone."""

import re
from collections.abc import Iterator
from typing import Final

from addons.call import Call, Headers, Outbound
from addons.foundry.caller import token_hash
from addons.foundry.paths import plain_query
from addons.foundry.refusals import Refusal
from addons.gates.caller import BEARER
from addons.values.http_name import HOP_BY_HOP

OF_THIS_HOP: Final = HOP_BY_HOP | frozenset({
    # answered here
    "expect",
    # written anew
    "host", "content-length",
    # of proxies on the way here
    "forwarded", "via", "x-real-ip",
})  # fmt: skip
OF_PROXIES: Final = ("proxy-", "x-forwarded-")
OVERRIDES: Final = ("x-original-", "x-rewrite-", "x-override-", "x-http-method", "x-method-override")
"""How headers begin from which some servers take path, host or method in place of those that were judged here."""

VIA: Final = "foundry-sidecar"
"""Told to Foundry as HTTP wants it of a proxy (RFC 9110 §7.6.3); a call that has it already goes round in a circle."""

BY_HAND: Final = (
    "A call that a person held, edited or sent again goes to the model provider alone: to Foundry it would carry its"
    " caller's own token."
)

_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def forward(call: Call) -> None:
    """Fills ``call.outbound``; the caller's credentials wait in the call until it may leave."""
    assert call.other_path
    if call.by_hand:  # whoever edits or resends a call has its caller's token spent, and may not choose on what
        raise Refusal("stopped_by_hand", BY_HAND)
    if any(VIA in value for value in call.headers.get("via", ())):
        raise Refusal(
            "bad_target",
            "The call was already forwarded by a sidecar: the address in foundry.addresses leads to a sidecar.",
        )
    if len(given := call.credentials.get("authorization", ())) > 1:
        raise Refusal("bad_target", "The request carries more than one Authorization header.")
    if given and (bearer := BEARER.fullmatch(given[0].strip())):
        call.token_prefix = token_hash(bearer[1])[:12]
    own = {name.strip().lower() for value in call.headers.get("connection", ()) for name in value.split(",")}
    query = call.target.partition("?")[2]
    call.credentials = {
        name: tuple(value for _, value in _travelling({name: values}, own)) for name, values in call.credentials.items()
    }
    call.outbound = Outbound(
        region=None,
        host=call.other_path.hostname,
        port=443,
        path=call.other_path.path + (f"?{plain_query(query)}" if query else ""),
        headers=(
            ("Host", call.other_path.hostname),
            *_travelling(call.headers, own),
            ("Via", f"1.1 {VIA}"),
        ),
        pieces=(call.wire_body,),
        method=call.method,
    )


def _travelling(headers: Headers, own: set[str]) -> Iterator[tuple[str, str]]:
    """Those that are meant for Foundry; ``own`` are further ones of this hop."""
    for name, values in headers.items():
        known = name.replace("_", "-")  # some servers make no difference
        if known in OF_THIS_HOP or name in own or known.startswith((*OF_PROXIES, *OVERRIDES)):
            continue
        for value in values:
            if not _VALUE.fullmatch(value):
                raise Refusal("bad_target", f"The header {name} holds a control character.")
            yield name, value
