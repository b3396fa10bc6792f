"""Sees what mitmproxy shows of flows."""

import io
from collections.abc import Sequence
from typing import Any

from mitmproxy import io as flow_io
from mitmproxy.addons.view import View


class Watcher(View):
    """A real list of flows, as mitmweb's; sees every flow as it is whenever the list is told of it."""

    name = "view"

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bytes] = []

    def add(self, flows: Sequence[Any]) -> None:
        super().add(flows)
        self._look(flows)

    def update(self, flows: Sequence[Any]) -> None:
        super().update(flows)
        self._look(flows)

    def _look(self, flows: Sequence[Any]) -> None:
        for flow in flows:
            file = io.BytesIO()
            flow_io.FlowWriter(file).add(flow)
            self.seen.append(file.getvalue())
