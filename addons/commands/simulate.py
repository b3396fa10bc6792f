"""``simulate``: the simulated provider alone."""

import tempfile
from pathlib import Path

from addons.simulator.simulate import simulate as serve


def simulate(host: str, port: int, directory: Path | None) -> int:
    """Serves until interrupted; certificates go to ``directory``, or to a temporary one."""
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        serve(host, port, directory)
    else:
        with tempfile.TemporaryDirectory(prefix="foundry-sidecar-simulate-") as temporary:
            serve(host, port, Path(temporary))
    return 0
