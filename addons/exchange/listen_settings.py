"""The configuration section ``listen``: where calls come in."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from addons.values.address import Address, PassedHost


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsFiles(_Section):
    """A certificate of the operator's own for the reverse port."""

    certificate: Annotated[Path, Field(description="PEM: the leaf certificate first, then its chain")]
    key: Annotated[Path, Field(description="PEM: the leaf's private key")]


class ListenSettings(_Section):
    """Where calls come in, and how long a caller's connection may take for what."""

    reverse: Annotated[
        Address,
        Field(
            description="HOST:PORT for apps whose base URL points here. Default 127.0.0.1:8080: no other machine"
            " reaches it"
        ),
    ] = "127.0.0.1:8080"
    admin: Annotated[
        Address | None,
        Field(
            description="HOST:PORT of /livez, /readyz and /metrics, for the operator alone. Default none: a port that"
            " nobody asked for is not opened"
        ),
    ] = None
    proxy: Annotated[
        Address | None,
        Field(
            description="HOST:PORT of the explicit proxy, for apps that keep Foundry's host name and use HTTPS_PROXY."
            " Default none: a port that nobody asked for is not opened"
        ),
    ] = None
    max_connections: Annotated[
        int,
        Field(
            gt=0,
            description="connections of callers at a time; one more is closed at once. Default 2048: one that merely"
            " stays takes 20 to 100 KB, and an app has some hundred",
        ),
    ] = 2048
    head_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="seconds a caller has for a request's headers; a connection kept between calls is not hurried."
            " Default 60: more than the slowest app needs, and an end for those who hold connections open",
        ),
    ] = 60.0
    body_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="seconds a caller has to send its body; then its connection is closed. Default 120: 32 MiB at"
            " 2.3 Mbit/s",
        ),
    ] = 120.0
    write_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="seconds a caller may leave an answer unread; then its connection is cut, and the call ends as"
            " caller_stalled. Default 60: longer than an app pauses, and what it leaves unread fills our memory",
        ),
    ] = 60.0
    passthrough_hosts: Annotated[
        tuple[PassedHost, ...],
        Field(description="HOST or HOST:PORT the explicit proxy tunnels to, unread. Default none: it is no open relay"),
    ] = ()
    tls: Annotated[
        TlsFiles | None,
        Field(
            description="the certificate the reverse port shows to callers that speak TLS. Default none: one is made"
            " from the sidecar's own authority, whose certificate lies in the certificates directory"
        ),
    ] = None
    certificates: Annotated[
        Path,
        Field(
            description="directory of the sidecar's own certificate authority; made when missing. Default"
            " ~/.foundry-sidecar: the same authority after each start, so that apps trust it once"
        ),
    ] = Path("~/.foundry-sidecar")
