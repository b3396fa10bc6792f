"""Call: everything known of one exchange so far, filled from front to back."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from addons.bodies.answer_facts import AnswerFacts
from addons.bodies.api import Api
from addons.bodies.comparison import Trial
from addons.bodies.verdict import Json, Verdict
from addons.foundry.alarm_names import Alarm
from addons.foundry.budgets import Reserved
from addons.foundry.caller import Caller
from addons.foundry.models import Model
from addons.foundry.permits import Permits
from addons.foundry.refusals import Refusal
from addons.foundry.trace import Trace

type Headers = Mapping[str, tuple[str, ...]]
"""Lower-case header name to its values, in the order they came."""

type UsageStatus = Literal["reported", "interrupted", "unknown"]

type To = Literal["provider", "foundry", "nobody"]
"""Where a call is sent: to the model provider, judged and rewritten; to Foundry itself, forwarded as it came; or to
nobody, since the sidecar answers it by itself."""


type ByHand = Literal["held", "edited", "resent"]
"""What a person did to a call in mitmweb: held it before its gates, edited it there, sent it again."""


class Outcome(StrEnum):
    """How a call ended: the one vocabulary of record, ledger, span, metric, log level, marker and alert.

    Whether policy let the call through is another question (``policy.decision``: allowed or refused).
    """

    SERVED = "served"  # the whole answer reached the caller
    PROVIDER_ERROR = "provider_error"  # the provider failed, refused, or answered something that is no answer
    TRUNCATED = "truncated"  # the provider's answer broke off
    TIMED_OUT = "timed_out"  # the provider was silent for too long
    CALLER_GONE = "caller_gone"  # the caller hung up
    CALLER_STALLED = "caller_stalled"  # the caller did not send, or did not read, in its time
    SHUT_DOWN = "shut_down"  # the sidecar ended before the call did
    REFUSED = "refused"  # the sidecar answered by itself; nothing was sent
    FAULT = "fault"  # the sidecar failed


@dataclass(frozen=True, slots=True)
class Outbound:
    """The request to send, without credentials: ``exchange.sending`` adds those when the bytes are sent.

    ``region`` says whose key it needs; None: the caller's own credentials, and the host is one of Foundry's.
    """

    region: str | None
    host: str
    port: int
    path: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    pieces: Sequence[bytes | memoryview] = field(repr=False)
    method: str = "POST"

    @property
    def body(self) -> bytes:
        """The pieces put together, which takes a copy."""
        return b"".join(self.pieces)

    @property
    def body_size(self) -> int:
        return sum(map(len, self.pieces))


@dataclass(frozen=True, slots=True)
class OtherPath:
    """One of Foundry's other paths, normalised: as it is judged, recorded and forwarded."""

    hostname: str
    path: str


@dataclass(slots=True)
class Answer:
    """What the record needs of the provider's answer."""

    status: int | None = None
    streamed: bool = False
    first_byte_at: float | None = None
    facts: AnswerFacts | None = None


@dataclass(slots=True, eq=False, weakref_slot=True)
class Call:
    """One exchange. Times are ``time.monotonic()`` seconds.

    The gates fill it in their order. Later steps read it, and compute nothing twice.
    """

    method: str
    target: str
    headers: Headers = field(repr=False)
    trace: Trace
    authority: str = ""  # of an absolute-form target; empty otherwise
    listener: Literal["reverse", "proxy"] = "reverse"
    encrypted: bool = False  # whether the caller spoke TLS
    peer: str | None = None  # the address that the call came from
    server_name: str | None = None  # TLS SNI, where the caller spoke TLS and named one
    client_identity: str | None = None  # of the verified certificate the caller showed; "": it names nobody
    wire_body: bytes = field(default=b"", repr=False)
    explained: bool = False  # nobody waits for an answer, and every finding is asked for
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    opened_at: float = field(default_factory=time.monotonic)
    judged_by: Mapping[str, str] = field(default_factory=dict)  # which rules, by the names the record has

    by_hand: list[ByHand] = field(default_factory=list)

    # filled by the gates, in their order
    passed: list[str] = field(default_factory=list)
    api: Api | None = None  # None: the path is none of the provider's
    answered_here: bool = False
    not_served: str | None = None  # which API of Foundry's model proxy was meant, of those that are not served
    other_path: OtherPath | None = None
    # kept until the caller is known, or until the call is sent to Foundry
    credentials: Headers = field(default_factory=dict, repr=False)
    token_prefix: str | None = None
    caller: Caller | None = None
    attribution: tuple[str, ...] = ()
    body: bytes = field(default=b"", repr=False)
    decoded_bytes: int = 0  # of a body that came encoded, as the budget for bodies has them
    document: dict[str, Json] = field(default_factory=dict, repr=False)
    model: Model | None = None
    region: str | None = None
    verdict: Verdict | None = field(default=None, repr=False)
    query_dropped: bool = False
    permits: Permits | None = None
    reserved: Reserved | None = None
    own_answer: bytes = field(default=b"", repr=False)  # JSON, of a call that is answered here

    # the request that is sent, or the refusal
    outbound: Outbound | None = None
    released_at: float | None = None  # every gate has passed it
    sent_at: float | None = None  # bytes of it were sent
    refusal: Refusal | None = None

    # the answer, and how the call ended
    status: int | None = None  # HTTP status the caller got; None where nothing was said
    outcome: Outcome | None = None  # None while the call is under way
    answer: Answer = field(default_factory=Answer)
    last_activity: float = 0.0
    ended_at: float | None = None
    trial: Trial | None = None  # how a candidate would have treated it
    alarms: list[Alarm] = field(default_factory=list)

    @property
    def to(self) -> To:
        if self.answered_here:
            return "nobody"
        return "provider" if self.other_path is None else "foundry"

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name."""
        values = self.headers.get(name)
        return values[0] if values else None
