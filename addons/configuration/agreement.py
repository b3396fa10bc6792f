"""What must agree between the sections of one configuration: one function a rule, one line a fault.

Each line begins with the key to change.
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
"""Members of a model's row that hold the provider to short retention while they are true."""

KEPT_FOR: Final = {"day": 2, "week": 8, "month": 32}
"""Days that a ledger keeps rows for, at least, where a budget is counted from it; a day may have 25 hours."""

type Rule = Callable[[Sections], Iterator[str]]


def disagreements(settings: Sections) -> list[str]:
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


def _development_stays_at_home(settings: Sections) -> Iterator[str]:
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
        yield "caller.verifier: certificate: callers show one over TLS alone; write listen.tls"


def _budgets_outlive_the_process(settings: Sections) -> Iterator[str]:
    if settings.limits.budgets.any and settings.limits.storage == "memory" and not settings.usage.on_disk:
        yield (
            "limits.budgets: a restart would begin each budget anew; write a file for usage.ledger, from which they are"
            " counted again, or a limits.storage that outlives the process"
        )


def _rows_outlive_the_budgets(settings: Sections) -> Iterator[str]:
    """The ledger's rows that a budget is counted from after a restart must be kept as long as its period."""
    usage, budgets = settings.usage, leaves(settings.limits.budgets)
    written = {keys[-2:-1] for keys, amount in budgets if amount is not None}
    if settings.limits.storage != "memory" or not usage.on_disk:
        return
    for period, days in KEPT_FOR.items():
        if (period,) in written and usage.keep_days < days:
            yield (
                f"usage.keep_days: a restart would forget what was used of a budget by {period}, which is counted again"
                f" from the ledger; write {days} or more"
            )


def _each_port_has_one_listener(settings: Sections) -> Iterator[str]:
    for (_, one), (key, other) in combinations(_listeners(settings).items(), 2):
        if one[1] == other[1] != 0 and _overlap(one[0], other[0]):
            yield f"{key}: port {other[1]} is another listener's already; choose another"


def _nothing_is_dialled_round(settings: Sections) -> Iterator[str]:
    """No address that is dialled is one of the sidecar's own listeners: such a call would never end."""
    own = _listeners(settings).values()
    for key, (host, port) in _dialled(settings).items():
        if any(port == bound and (is_loopback(host) or _overlap(host, name)) for name, bound in own if bound):
            yield f"{key}: {host}:{port} is this sidecar's own listener; write the address of another service"


def _nothing_goes_round_the_gates(settings: Sections) -> Iterator[str]:
    foundry, providers = set(settings.foundry.hostnames), _providers(settings)
    for passed in settings.listen.passthrough_hosts:
        if split_address(passed)[0] in foundry | providers:
            yield f"listen.passthrough_hosts: {passed} would be a way round the gates; take it out"
    if settings.foundry.other_paths == "forward" and (both := foundry & providers):
        yield f"foundry.hostnames: {', '.join(sorted(both))} is a provider's; other_paths would go round the gates"


def _a_body_has_room(settings: Sections) -> Iterator[str]:
    if settings.limits.body_bytes < settings.policy.max_body_bytes:
        yield (
            f"limits.body_bytes: {settings.limits.body_bytes} is less than policy.max_body_bytes"
            f" ({settings.policy.max_body_bytes}), so that the largest body would never have room"
        )


def _records_have_a_collector(settings: Sections) -> Iterator[str]:
    if settings.telemetry.otlp_records and settings.telemetry.otlp_endpoint is None:
        yield "telemetry.otlp_records: needs telemetry.otlp_endpoint, the collector that gets them"


def _retention_is_not_loosened_in_passing(settings: Sections) -> Iterator[str]:
    """An operator's row that claims less retention than the shipped row needs a statement in a key of its own."""
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
                    " that may be, list the RID under policy.models_with_daily_cache"
                )


def _a_model_stands_once(settings: Sections) -> Iterator[str]:
    seen: set[str] = set()
    for index, row in enumerate(settings.models.extra):
        if row.rid in seen:
            yield f"models.extra.{index}.rid: {row.rid} stands there twice; put both rows into one"
        seen.add(row.rid)


RULES: Final[tuple[Rule, ...]] = (
    _development_stays_at_home,
    _budgets_outlive_the_process,
    _rows_outlive_the_budgets,
    _certificates_need_tls,
    _each_port_has_one_listener,
    _nothing_is_dialled_round,
    _nothing_goes_round_the_gates,
    _a_body_has_room,
    _records_have_a_collector,
    _retention_is_not_loosened_in_passing,
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
