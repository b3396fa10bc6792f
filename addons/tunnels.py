"""Addon: which tunnels the explicit proxy opens on CONNECT.

A tunnel to Foundry is decrypted, and its calls go through the Checkpoint like any other. A tunnel to a host that
the operator lists is passed on unread. There are no others: the sidecar is never an open relay.
"""

from typing import Final

import structlog
from mitmproxy import http
from mitmproxy.proxy.mode_specs import RegularMode

from addons.checkpoint import response_of
from addons.foundry.envelope import ErrorFormat
from addons.foundry.refusals import Refusal
from addons.passthrough import Passthrough

HTTPS: Final = 443

_log = structlog.get_logger("sidecar.tunnels")


class Tunnels:
    """``foundry_hosts`` are the host names whose tunnels are decrypted."""

    name = "sidecar-tunnels"

    def __init__(self, foundry_hosts: frozenset[str], passthrough: Passthrough, error_format: ErrorFormat) -> None:
        self._foundry_hosts = foundry_hosts
        self._passthrough = passthrough
        self._error_format: ErrorFormat = error_format

    def http_connect(self, flow: http.HTTPFlow) -> None:
        host, port = flow.request.host.lower(), flow.request.port
        refusal = Refusal(
            "host_refused",
            "This proxy serves Foundry alone. For another host the operator may list it under"
            " listen.passthrough_hosts, or the app may name it in NO_PROXY.",
        )
        flow.response = response_of(refusal, self._error_format)
        explicit = isinstance(flow.client_conn.proxy_mode, RegularMode)
        if explicit and ((host in self._foundry_hosts and port == HTTPS) or self._passthrough.lists(host, port)):
            flow.response = None
        else:
            _log.warning(
                "tunnel_refused",
                host=host,
                port=port,
                setting="listen.passthrough_hosts",
                instance_id=refusal.instance_id,
            )
