"""The simulated provider in a process of its own: prints its port, and ends when its standard input does."""

import select
import sys
from pathlib import Path

from addons.simulator.provider import SimulatedProvider

FORGET_SECONDS = 0.2


def main(directory: Path, round_trip: float) -> None:
    with SimulatedProvider(directory=directory, round_trip=round_trip) as provider:
        sys.stdout.write(f"{provider.port}\n{provider.ca_file}\n")
        sys.stdout.flush()
        while not select.select([sys.stdin], [], [], FORGET_SECONDS)[0]:
            provider.clear()  # it keeps every call, bodies of 20 MB too


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
