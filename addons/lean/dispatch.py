"""Hooks called from a table, where mitmproxy asks each of its 36 addons at each of a call's eight events.

What is called, in which order, and what an exception does, is as in ``mitmproxy.addonmanager``.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from mitmproxy import ctx, exceptions, flow
from mitmproxy.addonmanager import AddonManager, safecall, traverse
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler

type Hook = Callable[[Any], Awaitable[None] | None]

IDLE: Final[Mapping[str, tuple[str, Any]]] = {
    "anticache": ("anticache", False),
    "anticomp": ("anticomp", False),
    "blocklist": ("block_list", []),
    "dumper": ("flow_detail", 0),
    "maplocal": ("map_local", []),
    "mapremote": ("map_remote", []),
    "modifybody": ("modify_body", []),
    "modifyheaders": ("modify_headers", []),
    "onboarding": ("onboarding", False),
    "proxyauth": ("proxyauth", None),
    "save": ("save_stream_file", None),
    "savehar": ("hardump", ""),
    "serverplayback": ("server_replay", []),
    "stickyauth": ("stickyauth", None),
    "stickycookie": ("stickycookie", None),
    "upstreamauth": ("upstream_auth", None),
}
"""mitmproxy's addons that are passed over, while the option that gives each its work has this value."""


class Table:
    """The hooks of a manager's addons by event, for each entry of its chain that has any."""

    def __init__(self, manager: AddonManager) -> None:
        self._manager = manager
        self._hooks: dict[str, Sequence[Sequence[Hook]]] = {}
        for name in ("register", "remove", "clear"):  # all that changes which addons there are
            setattr(manager, name, self._forgetting(getattr(manager, name)))

    def forget(self) -> None:
        """To be called when addons or options have changed."""
        self._hooks.clear()

    def _forgetting(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any) -> Any:
            try:
                return change(*arguments)
            finally:
                self.forget()

        return changed

    def of(self, event: str) -> Sequence[Sequence[Hook]]:
        found = self._hooks.get(event)
        if found is None:
            entries = (_hooks(entry, event) for entry in self._manager.chain)
            found = self._hooks[event] = [hooks for hooks in entries if hooks]
        return found

    async def trigger(self, event: str, subject: Any) -> None:
        """Calls every hook of an event; as ``AddonManager.trigger_event``."""
        for hooks in self.of(event):
            try:
                for hook in hooks:
                    outcome = hook(subject)
                    if outcome is not None and inspect.isawaitable(outcome):
                        await outcome
            except exceptions.AddonHalt:
                return
            except Exception:
                with safecall():  # mitmproxy's own way with it, whatever it was
                    raise


def handle_hook(table: Table) -> Callable[[ProxyConnectionHandler, StartHook], Awaitable[None]]:
    """As ``ProxyConnectionHandler.handle_hook``, for the one master a process has."""

    async def handle(handler: ProxyConnectionHandler, hook: StartHook) -> None:
        (subject,) = hook.args()
        with handler.timeout_watchdog.disarm():
            await table.trigger(hook.name, subject)
            if isinstance(subject, flow.Flow):
                await table.trigger("update", [subject])
                await subject.wait_for_resume()

    return handle


def _hooks(entry: Any, event: str) -> Sequence[Hook]:
    return [hook for addon in traverse([entry]) if callable(hook := getattr(addon, event, None)) and not _idle(addon)]


def _idle(addon: Any) -> bool:
    option, value = IDLE.get(getattr(addon, "name", type(addon).__name__.lower()), (None, None))
    return option is not None and option in ctx.options and getattr(ctx.options, option) == value
