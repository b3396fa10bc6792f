"""The command by which a person starts this program, for messages."""

from pathlib import Path
from typing import Final

IN_A_CHECKOUT: Final = (Path(__file__).parent.parent.parent / "run.sh").exists()
"""Whether the program runs from a checkout of the repository, and not from the image."""

PROGRAM: Final = "./run.sh" if IN_A_CHECKOUT else "sidecar"
"""The image has no ``run.sh``, but the entry point ``sidecar`` (``deploy/Dockerfile``)."""
