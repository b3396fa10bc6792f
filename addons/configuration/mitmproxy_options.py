"""Works out mitmproxy's options from the settings."""

import re
from pathlib import Path
from typing import Any, Final

from addons.configuration.settings import Settings
from addons.process import listener_certificate
from addons.process.lockdown import DEAD_TARGET, SET

MARGIN: Final = 60
"""Seconds that mitmproxy waits beyond the sidecar's own deadlines, so that these end a call."""


def required_options(settings: Settings) -> dict[str, Any]:
    """The options that depend on the settings. ``lockdown.SET`` has those that are the same for all."""
    trusted, proxy = settings.provider.trusted_ca, settings.listen.proxy
    options: dict[str, Any] = {
        "mode": [f"reverse:{DEAD_TARGET}@{settings.listen.reverse}", *([f"regular@{proxy}"] if proxy else [])],
        "ignore_hosts": [f"^{re.escape(host)}$" for host in settings.listen.passthrough_hosts],
        "body_size_limit": str(settings.policy.max_body_bytes),
        "tcp_timeout": int(_longest_silence(settings)) + MARGIN,
        "ssl_verify_upstream_trusted_ca": None if trusted is None else str(trusted),
        "confdir": str(certificates(settings)),
        "certs": [],
    }
    if settings.listen.tls:
        options["certs"] = [f"*={listener_certificate.path(settings.listen)}"]
    return options


def _longest_silence(settings: Settings) -> float:
    """The longest time, in seconds, that the sidecar's own deadlines let a caller's connection carry nothing."""
    near, far = settings.listen, settings.provider.timeouts
    answer = settings.inspect.hold_seconds + far.connect + far.read
    return max(answer, near.head_seconds, near.body_seconds, near.write_seconds)


def certificates(settings: Settings) -> Path:
    """The directory of the sidecar's own certificate authority."""
    return settings.listen.certificates.expanduser()


def all_options(settings: Settings) -> dict[str, Any]:
    """All options that mitmproxy must be started with."""
    return {**SET, **required_options(settings)}
