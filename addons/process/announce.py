"""Addon: the banner, once everything listens: on a terminal, or with mitmweb, whose page needs its token told.

It goes to standard error and not into the log: records are kept, and mitmweb's token has no business there.
"""

import sys
from dataclasses import replace
from typing import Any

from mitmproxy import ctx

from addons.process.banner import Listening, banner


class Announce:
    """``listening``: all but the addresses, which are known once everything listens."""

    name = "sidecar-announce"

    def __init__(self, listening: Listening) -> None:
        self._listening = listening

    def running(self) -> None:
        webauth: Any = ctx.master.addons.get("webauth")
        if webauth is None and not sys.stdout.isatty():
            return
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        listening = replace(
            self._listening,
            addresses=[f"{host}:{port}" for host, port, *_ in proxyserver.listen_addrs()],
            inspect_url=webauth.web_url if webauth else None,
        )
        print(banner(listening), file=sys.stderr, flush=True)  # noqa: T201 - for the person at the terminal alone
