"""Addon: mitmproxy's command ``sidecar.explain``, which explains the focused flows by the rules in force."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog
from mitmproxy import command
from mitmproxy.flow import Flow

from addons.gates.order import Gates
from addons.inspecting.explained_flows import from_flows
from addons.inspecting.explanation import explain
from addons.inspecting.explanation_text import text, verdict

_log = structlog.get_logger("sidecar.explainer")


class Explainer:
    name = "sidecar-explainer"

    def __init__(self, gates: Callable[[], Gates]) -> None:
        self._gates = gates

    @command.command("sidecar.explain")  # type: ignore[untyped-decorator]  # mitmproxy's own is not typed
    def explain(self, flows: Sequence[Flow]) -> str:
        """Each gate of the sidecar on these flows: its verdict, the reason, and what would be changed."""
        shown: list[str] = []
        for asked in from_flows(flows):
            if isinstance(asked, str):
                shown.append(asked)
                continue
            # Commands are no coroutines, and gates are: a loop of its own, while somebody waits for the answer.
            with ThreadPoolExecutor(1) as thread:
                explained = thread.submit(asyncio.run, explain(self._gates(), asked)).result()
            _log.info("explained", request=asked.name, verdict=verdict(explained))
            shown.append(text(explained))
        return "\n\n".join(shown)
