"""Addon: holds mitmproxy's options and commands to those the sidecar's promises allow.

Whoever has the token of mitmweb's page may ask for any option and any command there. So the lists say what is allowed;
all else stays as the sidecar needs it, or as mitmproxy comes. A wrong value stops the start. At run time it is refused
before anything in mitmproxy has acted on it (docs/mitmproxy.md#addons-fail-open).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mitmproxy import ctx, exceptions

from addons.values.program import PROGRAM

SCRIPT: Final = Path(__file__).resolve().parent.parent / "sidecar.py"

DEAD_TARGET: Final = "http://foundry.invalid:9"
"""Where mitmproxy would send a call by itself: a name that never resolves (RFC 6761 §6.4), and the discard port. No
connection to it is begun (``exchange.listener``); the page shows it."""

SET: Final[Mapping[str, Any]] = {
    # no connection before the verdict
    "connection_strategy": "lazy",
    "upstream_cert": False,
    # no traffic that no gate sees
    "rawtcp": False,
    "websocket": False,
    "onboarding": False,
    # HTTP/1.1 alone: one exchange a connection at a time
    "http2": False,
    "http3": False,
    # the Host the caller sent is the one that is judged
    "keep_host_header": True,
}
"""What mitmproxy is started with."""

NEEDED: Final[Mapping[str, Any]] = {
    # a compromised authority, in later versions of mitmproxy (docs/mitmproxy.md#authorities)
    "emudhra": False,
    "emudhra_old": False,
    # mitmweb's page is for this machine alone
    "web_host": "127.0.0.1",
    # mitmdump would print whole flows among the records
    "flow_detail": 0,
}
"""What must hold too, where mitmproxy has the option and whatever its default."""

FREE: Final = frozenset(
    {
        # what is held until somebody has looked
        "intercept",
        "intercept_active",
        # what is shown, and how
        "console_focus_follow",
        "content_view_lines_cutoff",
        "dumper_default_contentview",
        "dumper_filter",
        "showhost",
        "termlog_verbosity",
        "view_filter",
        "view_order",
        "view_order_reversed",
        "web_columns",
    }
)
"""Options that anyone may set at any time: none of them lets traffic by, writes a file, or shows a secret."""

AT_START: Final = frozenset({"listen_host", "listen_port", "scripts", "web_open_browser", "web_password", "web_port"})
"""Options that the start may give any value, which then stays. Of scripts there is ours alone. Each mode names its own
address, so that where to listen only stands on the page.
"""

COMMANDS: Final = frozenset(
    {
        # what is shown, and how
        "eventstore.clear",
        "view.clear",
        "view.clear_unmarked",
        "view.filter.set",
        "view.flows.remove",
        "view.flows.resolve",
        "view.focus.go",
        "view.focus.next",
        "view.focus.prev",
        "view.order",
        "view.order.options",
        "view.order.reverse",
        "view.order.set",
        "view.properties.inbounds",
        "view.properties.length",
        "view.properties.marked",
        "view.properties.marked.toggle",
        "view.settings.getval",
        "view.settings.setval",
        "view.settings.setval.toggle",
        "flow.comment",
        "flow.mark",
        "flow.mark.toggle",
        "proxyserver.active_connections",
        # what is held until somebody has looked
        "flow.kill",
        "flow.resume",
        # saving by download from the page
        "export",
        "export.formats",
        # ours
        "sidecar.explain",
        # asked by mitmdump itself
        "readfile.reading",
        "replay.client.count",
        "replay.server.count",
    }
)
"""Commands that stay; mitmproxy forgets all others. None of them touches a file, runs code or sends anything."""

RESEND: Final = "replay.client"
"""What mitmweb's Replay asks for. It stays where the sidecar has put a command of its own in the place of mitmproxy's,
which would make a connection by itself (``inspecting.resending``)."""


class OptionRefusedError(exceptions.OptionsError):
    """Its text names options and values of ours, and no value that somebody gave."""

    def __init__(self, message: str) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]  # mitmproxy has no types for it


class Lockdown:
    """``required`` are further options whose values follow from the settings. ``resend``: ``RESEND`` is our own."""

    name = "sidecar-lockdown"

    def __init__(self, required: Mapping[str, Any], *, resend: bool = False) -> None:
        self._wanted = {**SET, **NEEDED, **required}
        self._commands = COMMANDS | {RESEND} if resend else COMMANDS
        self._started: dict[str, Any] | None = None

    def configure(self, updated: set[str]) -> None:
        if self._started is None:
            self._start()
        self._hold(ctx.options, updated)

    def running(self) -> None:
        """An option mitmproxy does not know is kept silently; say so, which also stops the start."""
        if ctx.options.deferred:
            raise OptionRefusedError(f"mitmproxy has no such option: {', '.join(sorted(ctx.options.deferred))}")
        known = ctx.master.commands.commands
        for name in known.keys() - self._commands:
            del known[name]

    def _start(self) -> None:
        if others := [each for each in ctx.options.scripts if Path(each).resolve() != SCRIPT]:
            raise OptionRefusedError(f"The sidecar runs no scripts but its own; take out {', '.join(others)}")
        self._started = {option: getattr(ctx.options, option) for option in AT_START if option in ctx.options}
        ctx.options.subscribe(self._hold, ctx.options.keys())  # subscribers are asked before any addon hears of it

    def _hold(self, options: Any, updated: set[str]) -> None:
        for option in updated - FREE:
            wanted = self._value(options, option)
            if getattr(options, option) != wanted:
                needed = "stay as it is" if option in AT_START else f"be {wanted!r}"
                raise OptionRefusedError(
                    f"The sidecar needs mitmproxy's option {option} to {needed}: any other value could open a way"
                    f" round its checks. Start it with {PROGRAM} start, and leave the option alone."
                )

    def _value(self, options: Any, option: str) -> Any:
        for values in (self._wanted, self._started or {}):
            if option in values:
                return values[option]
        return dict(options.items())[option].default


def arguments(options: Mapping[str, Any]) -> list[str]:
    """The options as mitmproxy's command line takes them; absent and empty values are its own defaults."""
    words: list[str] = []
    for option, value in options.items():
        if isinstance(value, list | tuple):
            for item in value:
                words += ["--set", f"{option}={item}"]
        elif value is not None:
            words += ["--set", f"{option}={str(value).lower() if isinstance(value, bool) else value}"]
    return words
