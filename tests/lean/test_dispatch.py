"""The table calls what mitmproxy would call, in its order, and an exception does what it does there."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mitmproxy import addons, exceptions, hooks, options
from mitmproxy.addonmanager import AddonManager, traverse
from mitmproxy.proxy.layers.http._hooks import HttpRequestHook
from mitmproxy.test import tflow
from mitmproxy.tools.dump import DumpMaster

from addons.lean.dispatch import IDLE, Table
from addons.process.lockdown import KEPT, SET

Log = list[str]


class Part:
    """Writes down what is called. ``addons``: others inside it, as in a script."""

    def __init__(self, name: str, log: Log, error: BaseException | None = None, *inside: Any) -> None:
        self.name = name
        self._log = log
        self._error = error
        self.addons = list(inside)

    def request(self, flow: Any) -> None:
        self._log.append(f"{self.name}.request {flow.id}")
        if self._error:
            raise self._error

    def update(self, flows: Any) -> None:
        self._log.append(f"{self.name}.update {[flow.id for flow in flows]}")


class Later(Part):
    async def request(self, flow: Any) -> None:  # type: ignore[override]  # mitmproxy takes either
        await asyncio.sleep(0)
        super().request(flow)


class Without:
    """An addon that has none of the hooks; ``request`` is no hook where it can't be called."""

    name = "without"


CASES: dict[str, Callable[[Log], list[Any]]] = {
    "one": lambda log: [Part("a", log)],
    "in their order": lambda log: [Part("a", log), Without(), Later("b", log), Part("c", log)],
    "one inside another": lambda log: [Part("a", log, None, Part("b", log), Later("c", log)), Part("d", log)],
    "a fault skips the rest of its script": lambda log: [
        Part("a", log, RuntimeError("x"), Part("b", log)),
        Part("c", log),
    ],
    "a fault later": lambda log: [Later("a", log, KeyError("x"), Part("b", log)), Part("c", log)],
    "AddonHalt": lambda log: [Part("a", log), Later("b", log, exceptions.AddonHalt()), Part("c", log)],
    "OptionsError": lambda log: [Part("a", log, exceptions.OptionsError("x")), Part("b", log)],
    "CancelledError": lambda log: [Part("a", log, asyncio.CancelledError()), Part("b", log)],
    "MemoryError": lambda log: [Part("a", log, MemoryError()), Part("b", log)],
}


@contextmanager
def manager() -> Iterator[AddonManager]:
    """As mitmdump has it, with all of its own addons."""
    master = DumpMaster(options.Options(), with_termlog=False, with_dumper=True)
    master.options.update(flow_detail=0)
    try:
        yield master.addons
    finally:
        master._legacy_log_events.uninstall()


async def trigger(kind: str, parts: Callable[[Log], list[Any]]) -> tuple[Log, str]:
    log: Log = []
    flow = tflow.tflow()
    flow.id = "flow"
    with manager() as addon_manager:
        table = Table(addon_manager)
        addon_manager.add(*parts(log))
        try:
            if kind == "stock":
                await addon_manager.handle_lifecycle(HttpRequestHook(flow))
            else:
                await table.trigger("request", flow)
                await table.trigger("update", [flow])
        except BaseException as error:  # noqa: BLE001 - which one it is is the question
            return log, repr(error)
    return log, "returned"


@pytest.mark.parametrize("case", CASES)
def test_as_mitmproxy_does(case: str, caplog: pytest.LogCaptureFixture) -> None:
    found = {}
    for kind in ("stock", "table"):
        caplog.clear()
        found[kind] = (*asyncio.run(trigger(kind, CASES[case])), [record.getMessage() for record in caplog.records])
    assert found["stock"][0], "nothing was called"
    assert found["table"] == found["stock"]


def test_it_is_made_anew_when_addons_come_and_go() -> None:
    async def main() -> None:
        with manager() as addon_manager:
            table = Table(addon_manager)
            own = len(table.of("request"))
            late = Part("late", [], None, Part("inside", []))
            addon_manager.add(late)
            assert len(table.of("request")) == own + 1
            addon_manager.remove(late)
            assert len(table.of("request")) == own

    asyncio.run(main())


@pytest.mark.parametrize("addon", IDLE)
def test_an_idle_addon_is_passed_over_until_its_option_changes(addon: str) -> None:
    async def main() -> None:
        with manager() as addon_manager:
            option, value = IDLE[addon]
            table, chosen = Table(addon_manager), addon_manager.master.options
            known = addon_manager.get(addon)
            assert known is not None
            event = next(name for name in hooks.all_hooks if name not in LIFE and hasattr(known, name))

            def called() -> bool:
                table.forget()
                return any(getattr(hook, "__self__", None) is known for own in table.of(event) for hook in own)

            chosen._options[option].value = value
            assert not called()
            chosen._options[
                option
            ].value = "another"  # past the addon's own check: whether it is called is the question
            assert called()

    asyncio.run(main())


LIFE = {"load", "configure", "running", "done"}


@pytest.mark.parametrize("addon", IDLE)
def test_an_idle_addon_does_nothing(addon: str) -> None:
    """Which is why it may be passed over: a flow that went through all its hooks is the flow that came."""

    async def main() -> None:
        with manager() as addon_manager:
            option, value = IDLE[addon]
            addon_manager.master.options.update(**{option: value})
            for each in traverse([addon_manager.get(addon)]):
                for event in ("requestheaders", "request", "responseheaders", "response", "error", "http_connect"):
                    if hook := getattr(each, event, None):
                        flow = tflow.tflow(resp=event not in {"requestheaders", "request", "http_connect"})
                        before = flow.get_state()
                        outcome = hook(flow)
                        if outcome is not None:
                            await outcome
                        assert flow.get_state() == before

    asyncio.run(main())


def test_the_sidecar_runs_with_them_idle() -> None:
    held = {**SET, **KEPT}
    assert {option: value for option, value in IDLE.values() if option in held} == {
        option: held[option] for option, _ in IDLE.values() if option in held
    }
    assert {type(each).__name__.lower() for each in addons.default_addons()} >= IDLE.keys() - {"dumper"}
