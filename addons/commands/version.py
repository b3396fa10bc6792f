"""``version``: which program this is."""

import importlib.metadata
import platform

from addons.values.version import VERSION


def version() -> int:
    """Prints it, with what it runs on."""
    print(
        f"foundry-sidecar {VERSION} (Python {platform.python_version()},"
        f" mitmproxy {importlib.metadata.version('mitmproxy')})"
    )
    return 0
