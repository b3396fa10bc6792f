"""Addon: takes out of mitmproxy what no call needs, by its own means: each event goes to every addon there is.

Nothing of mitmproxy is replaced. Under mitmweb all stays, since its page offers it.
"""

import asyncio
import gc
import logging
from typing import Any, Final

from mitmproxy import ctx, exceptions
from mitmproxy.log import LegacyLogEvents

KEPT: Final = frozenset({
    "core",         # options
    "block",        # refuses callers from public addresses
    "proxyserver",  # listens
    "scriptloader", # holds the sidecar's own addons
    "nextlayer",    # asks for the layer of a connection
    "tlsconfig",    # certificates for callers
    "errorcheck",   # ends a start that logged an error
    "termlog",      # the log
    "keepserving",  # keeps the process up
})  # fmt: skip

YOUNG: Final = 20_000
"""New objects before Python looks for garbage among them. Its own 2,000 are made several times by parsing one agent's
history, and a call that has ended leaves no garbage of the kind that is looked for."""


class Trimming:
    """Stands last, so that what is there when it runs is all there is."""

    name = "sidecar-trimming"

    def __init__(self) -> None:
        self._thresholds = gc.get_threshold()

    def running(self) -> None:
        if ctx.master.addons.get("view") is None:
            for addon in list(ctx.master.addons.chain):
                if _name(addon) not in KEPT and not _name(addon).startswith(("sidecar-", "test-")):
                    _remove(addon)
        for handler in list(logging.getLogger().handlers):
            if isinstance(handler, LegacyLogEvents):  # makes each line of the log an event for addons too
                handler.uninstall()
        # What is there now stays, and need not be looked through for garbage again and again. No later than now: calls
        # under way would stay for ever too.
        gc.freeze()
        gc.set_threshold(YOUNG, *gc.get_threshold()[1:])

    def done(self) -> None:
        gc.unfreeze()
        gc.set_threshold(*self._thresholds)


def _name(addon: Any) -> str:
    """As mitmproxy names addons."""
    name: str = getattr(addon, "name", type(addon).__name__.lower())
    return name


def _remove(addon: Any) -> None:
    try:
        ctx.master.addons.remove(addon)
    except exceptions.AddonManagerError:  # it is out, but its end is a coroutine, which mitmproxy does not call here
        asyncio.get_running_loop().create_task(addon.done())
