"""Addon: holds mitmproxy's own options to what the sidecar's promises rest on.

Each row is an option that would open a way round the Checkpoint, hold streams back, or show a secret. A wrong
value stops the start, and is refused at run time, from mitmweb too (MITMPROXY §0, §2, §6).
"""

from collections.abc import Mapping
from typing import Any, Final

from mitmproxy import ctx, exceptions

DEAD_TARGET: Final = "http://127.0.0.1:9"
"""Where mitmproxy would send a call by itself: the discard port, which the Egress refuses to dial besides."""

SET: Final[Mapping[str, Any]] = {
    # no connection before the verdict
    "connection_strategy": "lazy",
    "upstream_cert": False,
    # no traffic that no gate sees
    "rawtcp": False,
    "websocket": False,
    "onboarding": False,
    # HTTP/1.1 alone: one exchange a connection at a time, and the key's stand-in readable on the wire
    "http2": False,
    "http3": False,
    # the Host the caller sent is the one that is judged
    "keep_host_header": True,
}
"""What mitmproxy is started with."""

KEPT: Final[Mapping[str, Any]] = {
    # the request would leave before, or other than, it was judged
    "stream_large_bodies": None,
    "modify_body": [],
    "modify_headers": [],
    "map_remote": [],
    "map_local": [],
    "stickyauth": None,
    "stickycookie": None,
    "upstream_auth": None,
    "anticache": False,
    "anticomp": False,
    "client_replay": [],
    "server_replay": [],
    "rfile": None,
    # traffic that no gate sees, or answers that no gate gave
    "ignore_hosts": [],
    "allow_hosts": [],
    "tcp_hosts": [],
    "udp_hosts": [],
    "block_list": [],
    "validate_inbound_headers": True,
    # the provider is who it says
    "ssl_insecure": False,
    "ssl_verify_upstream_trusted_confdir": None,
    "client_certs": None,
    "tls_version_server_min": "TLS1_2",
    "add_upstream_certs_to_client_chain": False,
    "request_client_cert": False,
    "dns_name_servers": [],
    # secrets stay out of logs
    "proxy_debug": False,
}
"""mitmproxy's own defaults, which must stay."""

OPTIONAL: Final[Mapping[str, Any]] = {
    # a compromised authority, in later versions of mitmproxy (MITMPROXY "Versions")
    "emudhra": False,
    "emudhra_old": False,
    # mitmweb can run any command: its page is for this machine alone
    "web_host": "127.0.0.1",
}
"""Checked where mitmproxy has them."""


class Lockdown:
    """``required`` are further options whose values follow from the settings."""

    name = "sidecar-lockdown"

    def __init__(self, required: Mapping[str, Any]) -> None:
        self._required = {**SET, **KEPT, **required}

    def configure(self, updated: set[str]) -> None:
        for option, wanted in self._required.items():
            if option in updated and getattr(ctx.options, option) != wanted:
                raise _refusal(option, wanted)
        for option, wanted in OPTIONAL.items():
            if option in updated and option in ctx.options and getattr(ctx.options, option) != wanted:
                raise _refusal(option, wanted)

    def running(self) -> None:
        """An option mitmproxy does not know is kept silently; say so, which also stops the start."""
        if ctx.options.deferred:
            raise exceptions.OptionsError(f"mitmproxy has no such option: {', '.join(sorted(ctx.options.deferred))}")


def _refusal(option: str, wanted: Any) -> exceptions.OptionsError:
    return exceptions.OptionsError(
        f"The sidecar needs mitmproxy's option {option} to be {wanted!r}: any other value opens a way round its"
        " checks. Start it with ./run.sh start, and leave the option alone."
    )


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
