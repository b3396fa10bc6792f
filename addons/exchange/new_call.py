"""Makes a Call from the head of a request and the connection that it came on."""

from addons.call import Call
from addons.exchange.request import SECRET_FIELDS, Request
from addons.exchange.wire import Peer
from addons.foundry.trace import read_trace


def open_call(request: Request, peer: Peer) -> Call:
    """The Call of a request. Credentials are kept apart from all other headers."""
    headers = request.table()
    credentials = {name: headers.pop(name) for name in SECRET_FIELDS if name in headers}
    target, authority = request.target, ""
    scheme, colon, rest = target.partition("://")
    if colon and scheme.isalpha():  # the absolute form of a request target (RFC 9112 §3.2.2)
        authority, slash, path = rest.partition("/")
        authority, target = authority.rpartition("@")[2] or "?", slash + path or "/"  # user:password stays here
    return Call(
        method=request.method,
        target=target,
        headers=headers,
        trace=read_trace(headers),
        authority=authority,
        listener=peer.listener,
        encrypted=peer.encrypted,
        peer=peer.address,
        server_name=peer.server_name,
        client_identity=peer.client_identity,
        credentials=credentials,
        by_hand=list(peer.by_hand),
    )


def reopen(call: Call, request: Request, peer: Peer) -> None:
    """Replaces the head that the call was opened with. Credentials stay."""
    edited = open_call(request, peer)
    call.method, call.target, call.authority = edited.method, edited.target, edited.authority
    call.headers, call.trace = edited.headers, edited.trace
