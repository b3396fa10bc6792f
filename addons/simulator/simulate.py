"""The simulated provider by itself, for a person to try things against."""

import shlex
import signal
import sys
from pathlib import Path
from typing import Final

from addons.simulator.directives import listing
from addons.simulator.provider import SimulatedProvider
from addons.simulator.simulated_apis import MARK
from addons.values.program import PROGRAM

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

Have the sidecar ask it, from another terminal:

  export OPENAI_API_KEY=anything
  {program} start --set provider.trusted_ca={authority} --set provider.regions.global.url={https.url}

Directives, several at once if you like, in metadata.simulate; of chat completions as their last message, and of
embeddings as their input: "{mark}pause=0.1":

{directives}
"""


def simulate(host: str = "127.0.0.1", port: int = 0, directory: Path | None = None) -> None:
    """Serve HTTP on ``port`` and HTTPS on the port after it until SIGINT or SIGTERM, and say where.

    A port of 0 is any free one, for both. ``directory`` keeps the certificate authority from one run to the next.
    To be called on the main thread of a process that has no other.

    Raises:
        OSError: an address can't be had, or the directory can't be written.
    """
    tls_port = port + 1 if port else 0
    # Blocked here and so in the providers' threads; whichever comes waits for sigwait.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        with (
            SimulatedProvider(tls=False, host=host, port=port) as http,
            SimulatedProvider(host=host, port=tls_port, directory=directory) as https,
        ):
            authority = shlex.quote(str(https.ca_file))
            sys.stdout.write(
                _TEXT.format(
                    http=http, https=https, authority=authority, directives=listing(), mark=MARK, program=PROGRAM
                )
            )
            sys.stdout.flush()
            signal.sigwait(_STOP)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
