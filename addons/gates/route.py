"""Gate: only Foundry's own path, asked for in one plain way, goes on (docs/contract.md#route).

Or another of Foundry's paths, where the operator has those passed on; it is then marked as such, here alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from addons.apis.table import APIS
from addons.bodies.api import Api
from addons.call import Call, OtherPath
from addons.foundry.paths import BASE, DISGUISES, normal_path, plain_path
from addons.foundry.refusals import Refusal
from addons.foundry.wrong_paths import hint, is_foundrys, proxys
from addons.values.host import is_same_host, normal_host


class ServedPath(NamedTuple):
    """What is served at a path: an API of the provider's; None: the list of models, which is answered here."""

    methods: tuple[str, ...]
    api: Api | None


SERVED: Final[Mapping[str, ServedPath]] = {
    **{f"{BASE}{api.path}": ServedPath(("POST",), api) for api in APIS},
    f"{BASE}/models": ServedPath(("GET",), None),
}
"""The route's table."""

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

OTHER_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""Of paths that are passed on. Not TRACE, which would have the caller's credentials repeated in an answer."""

_FOUNDRY_ALONE: Final = "This proxy serves Foundry's host names alone, and over https."

MAX_TARGET: Final = 8 * 1024  # bytes
MAX_HEADERS: Final = 64 * 1024  # bytes, names and values together


@dataclass(frozen=True, slots=True)
class Route:
    """Refuses every request but the one Foundry documents.

    ``hosts`` are the host names served, without port, in their normal form. Loopback names are always among them;
    a list, not any name, so that a web page can't reach a developer's sidecar by rebinding its own name.
    ``foundry_hosts`` are those of Foundry itself, the only ones the explicit proxy serves, and over TLS alone.
    With ``other_paths`` their other paths are passed on.
    """

    hosts: Collection[str]
    foundry_hosts: Collection[str] = ()
    other_paths: bool = False

    def __call__(self, call: Call) -> None:
        if len(call.target) > MAX_TARGET:
            raise Refusal("target_too_long")
        if sum(len(name) + sum(map(len, values)) for name, values in call.headers.items()) > MAX_HEADERS:
            raise Refusal("headers_too_large")
        path, _, query = call.target.partition("?")
        if call.listener == "proxy" and not call.encrypted:
            raise Refusal("host_refused", _FOUNDRY_ALONE)
        if call.authority:
            raise Refusal("bad_target", "The request target is an absolute URL; send the path alone.")
        if DISGUISES.search(path):
            raise Refusal(
                "bad_target", "The request path holds encoded slashes, dot segments or parameters; send it plainly."
            )
        host = self._host(call)
        if call.listener == "proxy" and host not in self.foundry_hosts:
            raise Refusal("host_refused", _FOUNDRY_ALONE)
        if host not in self.hosts:
            raise Refusal("not_found", detail="host not among foundry.hostnames", setting="foundry.hostnames")
        if served := SERVED.get(plain_path(path)):
            call.api = served.api
            call.answered_here = served.api is None
            _hold_to(call, served.methods)
            call.query_dropped = bool(query)
            return
        call.not_served = proxys(path)
        if self.other_paths and host in self.foundry_hosts:
            call.other_path = OtherPath(host, normal_path(path))
            _hold_to(call, OTHER_METHODS)
        else:
            ours = host in self.foundry_hosts
            raise _not_served(path, setting="foundry.other_paths" if ours else None)

    @staticmethod
    def _host(call: Call) -> str:
        values = call.headers.get("host", ())
        if len(values) != 1:
            raise Refusal("bad_target", "The request must carry exactly one Host header.")
        host = without_port(values[0])
        if call.server_name and not is_same_host(call.server_name, host):
            raise Refusal("bad_target", "The Host header names another host than the TLS handshake did.")
        return host


def _hold_to(call: Call, methods: Collection[str]) -> None:
    if "websocket" in ",".join(call.headers.get("upgrade", ())).lower():
        raise Refusal("upgrade_refused", headers={"Upgrade": "HTTP/1.1", "Connection": "Upgrade"})
    if call.method not in methods:
        raise Refusal("method_not_allowed", headers={"Allow": ", ".join(methods)})


def _not_served(path: str, setting: str | None) -> Refusal:
    """Foundry's gateway answers with nothing; a path that is none of Foundry's is an app's mistake, and it is told."""
    if is_foundrys(path):
        return Refusal("not_found", detail="path not served", setting=setting)
    return Refusal("wrong_path", hint(path) or "Nothing is served at this path.", detail="path not served")


def without_port(authority: str) -> str:
    """The host of ``host``, ``host:port`` or ``[::1]:port`` in its normal form; empty where it is no host."""
    host = authority
    if authority.startswith("["):
        host = authority.partition("]")[0] + "]"
    elif authority.count(":") == 1:
        host = authority.partition(":")[0]
    try:
        return normal_host(host)
    except ValueError:
        return ""


def is_for_models(target: str) -> bool:
    """Whether a request target, with whatever query, is that of an API whose calls go to a model."""
    served = SERVED.get(plain_path(target.partition("?")[0]))
    return served is not None and served.api is not None
