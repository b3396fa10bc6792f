"""Puts together what a person looks on with, under ``./run.sh web`` alone."""

from collections.abc import Callable
from typing import Any, Final

from addons.call import Call
from addons.exchange.caller_connection import CallerConnection
from addons.exchange.observing import Observer
from addons.exchange.rules import InForce
from addons.exchange.wire import Peer, Wire
from addons.foundry.envelope import ErrorFormat
from addons.gates.concurrency import UnderWay
from addons.inspecting.explainer import Explainer
from addons.inspecting.flows import FlowViews
from addons.inspecting.holding import Holding
from addons.inspecting.page_names import PageNames
from addons.inspecting.resending import Resending
from addons.inspecting.settings import InspectSettings


class Inspection:
    """``parts`` are addons, ``observers`` look on at exchanges, ``hold`` is for ``Services.hold``.

    ``connect`` makes a caller's connection, for calls that are sent again.
    """

    def __init__(
        self,
        settings: InspectSettings,
        error_format: ErrorFormat,
        in_force: InForce,
        under_way: UnderWay,
        connect: Callable[[Wire, Peer], CallerConnection],
    ) -> None:
        def enter(call: Call) -> object:
            return next(each.gate for each in in_force.rules.gates.head if each.name == "concurrency")(call)

        views = FlowViews(settings, error_format)
        resending = Resending(settings.resend, connect)
        self.observers: Final[tuple[Observer, ...]] = (views, resending)
        self.hold: Final = Holding(views, enter, lambda call: under_way.leave(call, {}), settings.hold_seconds)
        self.parts: Final[tuple[Any, ...]] = (views, resending, Explainer(lambda: in_force.rules.gates), PageNames())
