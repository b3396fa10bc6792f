"""The rules between the sections of one configuration: one function for each rule, one line for each fault.

Each line begins with the key to change. `addons/configuration/faults.py` adds where it was written.
"""

import os
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from addons.bodies.rows import LARGEST
from addons.configuration.leaves import leaves
from addons.configuration.sections import Sections
from addons.foundry.overlay import laid_over
from addons.foundry.regions import REGION_HOSTS
from addons.foundry.shipped_models import SHIPPED
from addons.values.address import split_address
from addons.values.host import is_loopback
from addons.values.secret import Secret

UNSPECIFIED: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not bound
HTTPS: Final = 443

HOLDING: Final = ("in_memory_cache", "daily_cache")
"""Members of a model's row that keep calls from a model with long retention while they are true."""

KEPT_FOR: Final = {"day": 2, "week": 8, "month": 32}
"""Days that a ledger must keep rows, by the period of a budget that is counted from it. A day may have 25 hours."""

type Rule = Callable[[Sections], Iterator[str]]


def disagreements(settings: Sections) -> list[str]:
    """A line for each fault, which begins with the dotted key; empty where all sections agree."""
    return [*_each_value_can_be_used(settings)] or [line for rule in RULES for line in rule(settings)]


def _each_value_can_be_used(settings: Sections) -> Iterator[str]:
    for keys, value in leaves(settings):
        if why := _unusable(value.file if isinstance(value, Secret) else value):
            yield f"{'.'.join(map(str, keys))}: {why}"


def _unusable(value: object) -> str | None:
    """Why a number or a path can't be used, whatever setting it is for; None where it can."""
    if isinstance(value, int | float) and not -LARGEST <= value <= LARGEST:
        return f"write a number, of at most {LARGEST}"
    if isinstance(value, Path) and not _names_a_file(value):
        return "no file can have such a name; write another path"
    return None


def _names_a_file(path: Path) -> bool:
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _development_listens_on_loopback(settings: Sections) -> Iterator[str]:
    if "development" not in settings.caller.verifiers:
        return
    for key, address in (("listen.reverse", settings.listen.reverse), ("listen.proxy", settings.listen.proxy)):
        if address and not is_loopback(split_address(address)[0]):
            yield (
                f"{key}: {address} is no loopback address, and caller.verifier development accepts any token; choose"
                " another verifier or listen on 127.0.0.1"
            )


def _certificates_need_tls(settings: Sections) -> Iterator[str]:
    if "certificate" in settings.caller.verifiers and settings.listen.tls is None:
        yield "caller.verifier: certificate: callers show one only over TLS; write listen.tls"


def _budgets_outlive_the_process(settings: Sections) -> Iterator[str]:
    if settings.limits.budgets.any and settings.limits.storage == "memory" and not settings.usage.on_disk:
        yield (
            "limits.budgets: a restart would start each budget from zero; write a file for usage.ledger, from which"
            " they are counted again, or a limits.storage that outlives the process"
        )


def _rows_outlive_the_budgets(settings: Sections) -> Iterator[str]:
    """After a restart a budget is counted from the ledger's rows, so these must be kept as long as its period."""
    usage, budgets = settings.usage, leaves(settings.limits.budgets)
    written = {keys[-2:-1] for keys, amount in budgets if amount is not None}
    if settings.limits.storage != "memory" or not usage.on_disk:
        return
    for period, days in KEPT_FOR.items():
        if (period,) in written and usage.keep_days < days:
            yield (
                f"usage.keep_days: after a restart a budget by {period} is counted from the ledger, whose rows would be"
                f" deleted too early; write {days} or more"
            )


def _each_port_has_one_listener(settings: Sections) -> Iterator[str]:
    for (_, one), (key, other) in combinations(_listeners(settings).items(), 2):
        if one[1] == other[1] != 0 and _overlap(one[0], other[0]):
            yield f"{key}: port {other[1]} is another listener's already; choose another"


def _no_address_is_an_own_listener(settings: Sections) -> Iterator[str]:
    """No address that the sidecar connects to is one of its own listeners: such a call would never end."""
    own = _listeners(settings).values()
    for key, (host, port) in _dialled(settings).items():
        if any(port == bound and (is_loopback(host) or _overlap(host, name)) for name, bound in own if bound):
            yield f"{key}: {host}:{port} is this sidecar's own listener; write the address of another service"


def _no_host_avoids_the_gates(settings: Sections) -> Iterator[str]:
    """Hosts that calls are judged for get no unread tunnel, and no provider gets calls of Foundry's other paths."""
    foundry, providers = set(settings.foundry.hostnames), _providers(settings)
    for passed in settings.listen.passthrough_hosts:
        if split_address(passed)[0] in foundry | providers:
            yield f"listen.passthrough_hosts: calls to {passed} would not pass the gates; take it out"
    if settings.foundry.other_paths == "forward" and (both := foundry & providers):
        yield (
            f"foundry.hostnames: {', '.join(sorted(both))} is a provider's; with foundry.other_paths, calls to it would"
            " not pass the gates; take it out"
        )


def _a_body_has_room(settings: Sections) -> Iterator[str]:
    if settings.limits.body_bytes < settings.policy.max_body_bytes:
        yield (
            f"limits.body_bytes: {settings.limits.body_bytes} is less than policy.max_body_bytes"
            f" ({settings.policy.max_body_bytes}): the largest body would never have room; write more"
        )


def _records_have_a_collector(settings: Sections) -> Iterator[str]:
    if settings.telemetry.otlp_records and settings.telemetry.otlp_endpoint is None:
        yield "telemetry.otlp_records: needs telemetry.otlp_endpoint, the collector that gets them"


def _longer_retention_is_stated(settings: Sections) -> Iterator[str]:
    """An operator's row that lets the provider keep prompts longer than the shipped row does needs a second key."""
    if settings.provider.zero_data_retention is not None:
        return
    shipped = {model.rid: model for model in SHIPPED}
    for index, row in enumerate(settings.models.extra):
        if row.rid not in shipped or row.rid in settings.policy.models_with_daily_cache:
            continue
        (now,) = laid_over([shipped[row.rid]], [row])
        for member in HOLDING:
            if getattr(shipped[row.rid], member) and not getattr(now, member):
                yield (
                    f"models.extra.{index}.{member}: false lets the provider keep prompts to {row.rid} for a day; if"
                    " you allow that, list the RID under policy.models_with_daily_cache"
                )


def _a_model_stands_once(settings: Sections) -> Iterator[str]:
    seen: set[str] = set()
    for index, row in enumerate(settings.models.extra):
        if row.rid in seen:
            yield f"models.extra.{index}.rid: two rows have {row.rid}; put them into one"
        seen.add(row.rid)


RULES: Final[tuple[Rule, ...]] = (
    _development_listens_on_loopback,
    _budgets_outlive_the_process,
    _rows_outlive_the_budgets,
    _certificates_need_tls,
    _each_port_has_one_listener,
    _no_address_is_an_own_listener,
    _no_host_avoids_the_gates,
    _a_body_has_room,
    _records_have_a_collector,
    _longer_retention_is_stated,
    _a_model_stands_once,
)


def _listeners(settings: Sections) -> dict[str, tuple[str, int]]:
    listen = settings.listen
    named = {"listen.reverse": listen.reverse, "listen.proxy": listen.proxy, "listen.admin": listen.admin}
    return {key: split_address(address) for key, address in named.items() if address}


def _dialled(settings: Sections) -> dict[str, tuple[str, int]]:
    found = {
        f"provider.regions.{region}.url": _address(upstream.url)
        for region, upstream in settings.provider.regions.items()
        if upstream.url
    }
    if settings.provider.proxy:
        found["provider.proxy"] = settings.provider.proxy.address
    if settings.foundry.other_paths == "forward":
        found |= {f"foundry.addresses.{name}": split_address(at) for name, at in settings.foundry.addresses.items()}
    return found


def _providers(settings: Sections) -> set[str]:
    urls = [upstream.url for upstream in settings.provider.regions.values() if upstream.url]
    proxy = {settings.provider.proxy.address[0]} if settings.provider.proxy else set()
    return {*REGION_HOSTS.values(), *(_address(url)[0] for url in urls), *proxy}


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    return parts.hostname, parts.port or HTTPS


def _overlap(one: str, other: str) -> bool:
    """Whether two listening addresses overlap, so that they can't have the same port."""
    if one in UNSPECIFIED or other in UNSPECIFIED or one == other:
        return True
    return "localhost" in {one, other} and is_loopback(one) and is_loopback(other)
