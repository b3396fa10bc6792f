"""The reverse listener's own certificate, as mitmproxy wants it: certificate and key in one file."""

import os
from pathlib import Path

from addons.exchange.listen_settings import ListenSettings


def path(listen: ListenSettings) -> Path:
    return listen.certificates.expanduser() / "listener.pem"


def lay_out(listen: ListenSettings) -> None:
    """Makes the directory and, where ``listen.tls`` is set, the file, for our eyes alone.

    Raises:
        OSError: a file can't be read or written.
    """
    own = path(listen)
    own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if tls := listen.tls:
        together = tls.key.read_bytes().rstrip() + b"\n" + tls.certificate.read_bytes()
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(together)
