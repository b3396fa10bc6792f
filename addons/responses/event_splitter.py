"""A stream of server-sent events on its way through: what may pass now, and what its events say.

An event is held back until it is whole, so that a stream can be ended with an error event at any moment: half an
event before it would spoil it. Comment lines between events pass at once, since they keep connections alive. An event
of more than ``MAX_HELD_BYTES`` passes in pieces; to end a stream inside one its data is made whole first.
"""

from typing import Final, Protocol

from addons.responses.abridgement import Members
from addons.responses.open_event import OpenEvent
from addons.responses.server_sent_event import BLANK_LINE, BYTE_ORDER_MARK, LONGEST_BLANK_LINE, fields

MAX_HELD_BYTES: Final = 1024 * 1024


class Reader(Protocol):
    """What one API's events say: the part of the reading that differs from API to API.

    Attributes:
        marks: an event in which none of these occurs says nothing that is wanted, and is not looked into.
        wanted: what is kept of the data of an event too large to be held.
    """

    marks: tuple[bytes, ...]
    wanted: Members

    def read(self, name: str, data: bytes) -> None:
        """Reads one event that has a mark, or was too large to look: its name, and its data or what was kept of it."""
