"""Addon: the banner, once everything listens: on a terminal, or with mitmweb, whose page needs its token told.

It goes to standard error and not into the log: records are kept, and mitmweb's token has no business there.
"""

import sys
from typing import Any

from mitmproxy import ctx

from addons.process.banner import Listening, banner
from addons.settings import Settings


class Announce:
    name = "sidecar-announce"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def running(self) -> None:
        webauth: Any = ctx.master.addons.get("webauth")
        if webauth is None and not sys.stdout.isatty():
            return
        settings = self._settings
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        zdr = "attested" if settings.provider.zero_data_retention else "not attested"
        listening = Listening(
            addresses=[f"{host}:{port}" for host, port, *_ in proxyserver.listen_addrs()],
            authority=str(settings.listen.certificates.expanduser() / "mitmproxy-ca-cert.pem"),
            policy=f"{settings.policy.mode}; zero data retention {zdr}",
            verifier=settings.caller.verifier,
            regions=settings.provider.allowed_regions,
            inspect_url=webauth.web_url if webauth else None,
        )
        print(banner(listening), file=sys.stderr, flush=True)  # noqa: T201 - for the person at the terminal alone
