"""The simulated provider by itself, for a person to try things against."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from addons.simulator.certificates import LOOPBACK
from addons.simulator.directives import listing
from addons.simulator.provider import SimulatedProvider

_STOP: Final = (signal.SIGINT, signal.SIGTERM)
_TEXT: Final = """\
The simulated provider answers until you press Ctrl+C.

  HTTP   {http.url}
  HTTPS  {https.url}
  CA     {https.ca_file}

Try it:

  curl --cacert {https.ca_file} {https.url}/responses \\
    -H 'Content-Type: application/json' -H 'Authorization: Bearer anything' \\
    -d '{{"model": "gpt-5.2", "input": "Hello", "stream": true, "metadata": {{"simulate": "pause=0.1"}}}}'

Directives, several at once if you like, in metadata.simulate:

{directives}
"""


def simulate(  # noqa: PLR0913  every setting by name, each with a default
    host: str = "127.0.0.1",
    port: int = 0,
    directory: Path | None = None,
    *,
    tls_port: int | None = None,
    names: Sequence[str] = LOOPBACK,
    api_key: str | None = None,
    out: TextIO | None = None,
) -> None:
    """Serve HTTP on ``port`` and HTTPS on ``tls_port`` until SIGINT or SIGTERM, and say where.

    A port of 0 is any free one; without ``tls_port`` it is the port after ``port``.
    ``directory`` keeps the certificate authority from one run to the next; ``out`` is standard output unless given.
    To be called on the main thread of a process that has no other.

    Raises:
        OSError: an address can't be had, or the directory can't be written.
    """
    out = out or sys.stdout
    if tls_port is None:
        tls_port = port + 1 if port else 0
    # Blocked here and so in the providers' threads; whichever comes waits for sigwait.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        with (
            SimulatedProvider(tls=False, host=host, port=port, api_key=api_key) as http,
            SimulatedProvider(host=host, port=tls_port, directory=directory, names=names, api_key=api_key) as https,
        ):
            out.write(_TEXT.format(http=http, https=https, directives=listing()))
            out.flush()
            signal.sigwait(_STOP)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
