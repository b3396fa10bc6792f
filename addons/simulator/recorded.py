"""What the simulated provider keeps of each call."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from addons.simulator.wire import Request


@dataclass(frozen=True, slots=True, eq=False)
class RecordedCall:
    """One whole request as it came over the wire."""

    request: Request
    connection: int  # the provider's first connection is 1
    release: Callable[[], None]  # lets a call go on that a ``hold`` directive keeps waiting; from any thread
    hung_up: threading.Event = field(default_factory=threading.Event)  # the client closed before the answer ended

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def target(self) -> str:
        """The request target as sent, query and all."""
        return self.request.target

    @property
    def headers(self) -> list[tuple[str, str]]:
        """In order, with duplicates, names in the case they were sent in."""
        return self.request.headers

    @property
    def body(self) -> bytes:
        return self.request.body

    def values(self, name: str) -> list[str]:
        """Every value of a header, its name in any case."""
        return self.request.values(name)

    def json(self) -> Any:
        """The parsed body. Raises ValueError when it is not JSON."""
        return json.loads(self.body)
