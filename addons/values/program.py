"""What a person calls this program by, for what it says on a terminal."""

from pathlib import Path
from typing import Final

IN_A_CHECKOUT: Final = (Path(__file__).parent.parent.parent / "run.sh").exists()
PROGRAM: Final = "./run.sh" if IN_A_CHECKOUT else "sidecar"
"""The image has no ``run.sh``, and this entry point in its place: ``deploy/Dockerfile``."""
