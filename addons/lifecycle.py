"""Addon: says when the sidecar is ready, and where."""

from typing import Any

import structlog
from mitmproxy import ctx

_log = structlog.get_logger("sidecar")


class Lifecycle:
    name = "sidecar-lifecycle"

    def running(self) -> None:
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        _log.info("listening", addresses=[f"{host}:{port}" for host, port, *_ in proxyserver.listen_addrs()])
