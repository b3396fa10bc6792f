"""What the simulated provider keeps of each call."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from addons.simulator.wire import Request


@dataclass(frozen=True, slots=True, eq=False)
class ReceivedCall(Request):
    """One whole request as it came over the wire, and what became of it."""

    connection: int  # the provider's first connection is 1
    release: Callable[[], None]  # lets a call go on that a ``hold`` directive keeps waiting; from any thread
    hung_up: threading.Event = field(default_factory=threading.Event)  # the client closed before the answer ended

    def json(self) -> Any:
        """The parsed body. Raises ValueError when it is not JSON."""
        return json.loads(self.body)
