"""Addon: has mitmproxy do the same with less work; `./run.sh bench` shows how much less.

mitmproxy has no public way to this, so some of its functions are replaced by ones that give the same results. None
of them decides whether a call leaves. With another mitmproxy than was tried, or with ``mitmproxy.lean: false``, it
stays as it comes.
"""

import gc
import logging
from typing import Any, Final

import structlog
from mitmproxy import ctx, http, version
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import Client
from mitmproxy.log import LegacyLogEvents
from mitmproxy.proxy import mode_servers
from mitmproxy.proxy.layers.http import HttpLayer, _http1
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.lean import messages, streams
from addons.lean.dispatch import Table, handle_hook
from addons.lean.reads import take_all

TRIED: Final = ("12.2.3",)
"""The versions of mitmproxy whose functions these are; ``tests/lean`` holds old and new to each other."""

_REPLACED: Final[tuple[tuple[Any, str], ...]] = (
    (mode_servers.ProxyConnectionHandler, "handle_hook"),
    (http.Headers, "get_all"),
    (http.MessageData, "__post_init__"),
    (_http1, "make_body_reader"),
    (HttpLayer, "__init__"),
)
_STOCK: Final = tuple(getattr(owner, name) for owner, name in _REPLACED)

_log = structlog.get_logger("sidecar.lean")


class Lean:
    name = "sidecar-lean"

    def __init__(self) -> None:
        self._table: Table | None = None

    def configure(self, _updated: set[str]) -> None:
        if self._table:
            self._table.forget()  # an option may give work to an addon that had none

    def load(self, _loader: Loader) -> None:
        if version.VERSION in TRIED:
            _read_the_authority_once()

    def running(self) -> None:
        if version.VERSION not in TRIED:
            _log.warning("lean_left_off", mitmproxy=version.VERSION, tried=TRIED, meaning="each call costs more")
            return
        self._table = table = Table(ctx.master.addons)
        _replace((handle_hook(table), messages.get_all, messages.unchecked, messages.make_body_reader, streams.init))
        if not table.of("add_log"):
            _stop_log_events()
        # What is there now stays, and need not be looked through for garbage again and again. No later than now: calls
        # under way would stay for ever too.
        gc.freeze()

    def client_connected(self, client: Client) -> None:
        if self._table:
            take_all(client, client)

    def server_connected(self, data: ServerConnectionHookData) -> None:
        if self._table:
            take_all(data.client, data.server)

    def done(self) -> None:
        _replace(_STOCK)
        gc.unfreeze()


def _read_the_authority_once() -> None:
    """As it runs, mitmproxy reads its authority a second time, and OpenSSL takes 50 ms to check such a key."""
    tlsconfig = ctx.master.addons.get("tlsconfig")

    def running() -> None:
        if tlsconfig.certstore is None:
            type(tlsconfig).running(tlsconfig)

    tlsconfig.running = running


def _replace(functions: tuple[Any, ...]) -> None:
    for (owner, name), function in zip(_REPLACED, functions, strict=True):
        setattr(owner, name, function)


def _stop_log_events() -> None:
    """mitmproxy makes each line of the log an event for its addons too, a way it has deprecated."""
    for handler in list(logging.getLogger().handlers):
        if isinstance(handler, LegacyLogEvents):
            handler.uninstall()
