"""The version of the program."""

from typing import Final

VERSION: Final = "0.2.0"
"""The same as in pyproject.toml, which a test checks: the program runs from a folder, without being installed."""
