"""Sees what mitmproxy shows of flows."""

import io
from typing import Any

from mitmproxy import io as flow_io


class Watcher:
    """Sees every flow at every hook, as mitmweb's view does: after the sidecar's own addons."""

    name = "test-watcher"

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def _look(self, flow: Any) -> None:
        file = io.BytesIO()
        flow_io.FlowWriter(file).add(flow)
        self.seen.append(file.getvalue())

    requestheaders = request = responseheaders = response = error = _look

    def server_connected(self, data: object) -> None:
        self.seen.append(repr(data).encode())
