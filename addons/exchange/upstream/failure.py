"""Why a request got no answer, or no whole one."""

from enum import StrEnum


class FailureKind(StrEnum):
    """What went wrong. After the first two the provider has not been asked; after the others it may have been."""

    UNREACHABLE = "unreachable"  # no verified connection: DNS, TCP, the egress proxy, TLS
    NO_CONNECTION_FREE = "no_connection_free"  # all of the destination's connections stayed busy
    CLOSED = "closed"  # the connection ended before the answer's head did
    BROKEN = "broken"  # the answer ended early, or its framing broke, behind its head
    NOT_HTTP = "not_http"  # what came in place of a head is none, or its framing is ambiguous
    HEAD_TOO_LONG = "head_too_long"  # more bytes, fields or interim answers than a head may have
    SWITCHED = "switched"  # 101: the peer left HTTP/1.1, which nobody asked for


class UpstreamFailure(Exception):  # noqa: N818 - how an exchange failed, as it is recorded
    """``detail`` is fit for a log: it quotes nothing that the peer sent.

    ``written``: whether any byte of the request was handed to the socket. Without, the request may be sent again.
    """

    def __init__(self, kind: FailureKind, detail: str, *, written: bool = False) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.written = written

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"
