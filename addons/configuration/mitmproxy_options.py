"""mitmproxy's options, as they follow from the settings."""

import re
from pathlib import Path
from typing import Any

from addons.configuration.settings import Settings
from addons.process import listener_certificate
from addons.process.lockdown import DEAD_TARGET, SET


def required_options(settings: Settings) -> dict[str, Any]:
    """mitmproxy's options as far as they follow from the settings."""
    trusted, proxy = settings.provider.trusted_ca, settings.listen.proxy
    options: dict[str, Any] = {
        "mode": [f"reverse:{DEAD_TARGET}@{settings.listen.reverse}", *([f"regular@{proxy}"] if proxy else [])],
        "ignore_hosts": [f"^{re.escape(host)}$" for host in settings.listen.passthrough_hosts],
        "body_size_limit": str(settings.policy.max_body_bytes),
        "tcp_timeout": int(settings.provider.timeouts.read + settings.provider.timeouts.connect) + 60,
        "ssl_verify_upstream_trusted_ca": None if trusted is None else str(trusted),
        "confdir": str(certificates(settings)),
        "certs": [],
    }
    if settings.listen.tls:
        options["certs"] = [f"*={listener_certificate.path(settings.listen)}"]
    return options


def certificates(settings: Settings) -> Path:
    """The directory of the sidecar's own certificate authority."""
    return settings.listen.certificates.expanduser()


def all_options(settings: Settings) -> dict[str, Any]:
    """Everything mitmproxy must be started with."""
    return {**SET, **required_options(settings)}
