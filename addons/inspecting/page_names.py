"""Addon: mitmweb's page answers under this machine's own names alone.

A site elsewhere can have its name lead to 127.0.0.1 (DNS rebinding), and a browser then takes the page for a part of
that site. Without the page's token it gets no further than the login form; by another name it gets nothing at all.
"""

from typing import Any, Final

from mitmproxy import ctx
from tornado.routing import HostMatches

OWN: Final = r"(?i:localhost|127\.0\.0\.1)$"


class PageNames:
    name = "sidecar-page-names"

    def running(self) -> None:
        app: Any = getattr(ctx.master, "app", None)  # mitmweb alone has a page
        for rule in app.default_router.rules if app else ():
            rule.matcher = HostMatches(OWN)
