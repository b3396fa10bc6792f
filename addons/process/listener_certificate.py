"""The reverse listener's own certificate, as mitmproxy wants it: certificate and key in one file."""

import os
from pathlib import Path

from addons.exchange.listen_settings import ListenSettings
from addons.values.small_file import read_small


def path(listen: ListenSettings) -> Path:
    return listen.certificates.expanduser() / "listener.pem"


def lay_out(listen: ListenSettings) -> None:
    """Makes the directory and, where ``listen.tls`` is set, the file, for our eyes alone.

    Raises:
        OSError: the file can't be written.
        FileError: the certificate or its key can't be read.
    """
    own = path(listen)
    own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if tls := listen.tls:
        together = read_small(tls.key).rstrip() + b"\n" + read_small(tls.certificate)
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(together)
