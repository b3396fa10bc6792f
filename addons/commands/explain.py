"""``explain``: what the sidecar would do with a request body, or with saved flows, and why."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from addons.configuration import judging, loading, meaning
from addons.configuration.errors import ConfigurationError
from addons.configuration.settings import Settings
from addons.gates.order import Gates
from addons.inspecting.explained_flows import are_flows, from_flows, read_flows
from addons.inspecting.explanation import Asked, Explanation, explain, from_body
from addons.inspecting.explanation_text import difference, difference_text, document, text
from addons.usage.counters import MemoryCounters
from addons.values.secret import SecretError
from addons.verifiers.development import Development


def run(file: str, config: Path | None, against: Path | None, *, as_json: bool) -> int:
    """0 when all would be served, 1 when some would be refused (with ``against``: by that configuration), 2 for a
    file that can't be read.

    Raises:
        ConfigurationError: as ``loading.load``, or a secret the policy needs can't be had.
    """
    settings = loading.load(config)
    others = loading.load(against) if against else None
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        found = list(_requests(file, content, settings))
    except (OSError, ValueError) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return 2
    asked = [each for each in found if isinstance(each, Asked)]
    for unexplained in (each for each in found if isinstance(each, str)):
        print(unexplained, file=sys.stderr)
    if not asked:
        print(f"{file}: holds no request that can be explained", file=sys.stderr)
        return 2
    explained = _explain(asked, settings)
    if others is None:
        _show(explained, as_json=as_json)
    else:
        before, explained = explained, _explain(asked, others)
        _show_differences(before, explained, as_json=as_json)
    return int(any(each.refusal for each in explained))


def _requests(file: str, content: bytes, settings: Settings) -> Iterator[Asked | str]:
    if are_flows(content):
        yield from from_flows(read_flows(content))
    else:
        name = "the body" if file == "-" else Path(file).name
        yield from_body(name, content, min(meaning.hosts(settings)))


def _explain(asked: list[Asked], settings: Settings) -> list[Explanation]:
    async def explain_all(gates: Gates) -> list[Explanation]:
        return [await explain(gates, each) for each in asked]

    try:
        # The verifier is never asked; this one needs no file and no network.
        return asyncio.run(explain_all(judging.gates(settings, Development(), judging.Lasting(MemoryCounters()))))
    except SecretError as error:
        raise ConfigurationError(f"policy.safety_identifier: {error}") from None


def _show(explained: list[Explanation], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([document(each) for each in explained], indent=2))
    else:
        print("\n\n".join(text(each, colour=sys.stdout.isatty()) for each in explained))


def _show_differences(before: list[Explanation], after: list[Explanation], *, as_json: bool) -> None:
    differing = [(old, new, found) for old, new in zip(before, after, strict=True) if (found := difference(old, new))]
    if as_json:
        rows = [
            {"name": old.name, "differs": found, "before": document(old), "after": document(new)}
            for old, new, found in differing
        ]
        print(json.dumps(rows, indent=2))
        return
    for old, _, found in differing:
        print(difference_text(old.name, found, colour=sys.stdout.isatty()), end="\n\n")
    print(f"{len(differing)} of {len(before)} would be treated otherwise")
