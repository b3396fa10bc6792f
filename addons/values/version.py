"""Which version of the program this is."""

from typing import Final

VERSION: Final = "0.2.0"
"""As in pyproject.toml; a test holds them together. The program runs from a folder, without being installed."""
