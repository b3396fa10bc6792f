"""A call's memory is free as soon as the call has ended.

mitmproxy's stream of a call refers to itself three times over, so that it, the flow and their bodies wait for Python's
collector of garbage, which comes by when enough objects wait, however large they are: ten bodies of 10 MB held 200 MB.
"""

from typing import Any, Final

from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream

_STOCK_INIT: Final = HttpLayer.__init__


def init(http_layer: HttpLayer, *arguments: Any) -> None:
    """As ``HttpLayer.__init__``."""
    _STOCK_INIT(http_layer, *arguments)
    http_layer.streams = Streams()


class Streams(dict[int, HttpStream]):
    """The streams of a connection. mitmproxy takes out those that have ended, and no event reaches them again."""

    def pop(self, stream_id: int, default: Any = None) -> Any:
        if (stream := self.get(stream_id)) is not None:
            stream.context.layers = []
            stream.client_state = stream.server_state = _ended
        return super().pop(stream_id, default)


def _ended(_event: events.Event) -> layer.CommandGenerator[None]:
    yield from ()
