"""Which trace a call belongs to (W3C Trace Context; B3, which Foundry's SDKs send).

Palantir's page names ``traceParent`` and ``traceState``; its Python SDK 1.111 sends ``X-B3-TraceId``, ``X-B3-SpanId``
and ``X-B3-Sampled`` from context variables or environment instead, and no W3C header
(``foundry_sdk/_core/http_client.py``).
"""

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

MAX_TRACESTATE_MEMBERS: Final = 32

_GREGORIAN: Final = 0x01B2_1DD2_1381_4000
"""From 1582-10-15, where the time of a UUID begins, to 1970, in its steps of 100 ns (RFC 9562 §5.1)."""

_NO_ADDRESS: Final = 1 << 40  # the multicast bit: a node that is no network address (RFC 9562 §6.10)

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
)
_TRACEPARENT_LENGTH = 55
_SAMPLED_FLAG = 1

_KEY_REST = r"[a-z0-9_\-*/]"
_TRACESTATE_MEMBER = re.compile(
    rf"(?P<key>[a-z]{_KEY_REST}{{0,255}}|[a-z0-9]{_KEY_REST}{{0,240}}@[a-z]{_KEY_REST}{{0,13}})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)

_B3_TRACE = re.compile(r"(?:[0-9a-f]{16}){1,2}")
_B3_SPAN = re.compile(r"[0-9a-f]{16}")
_B3_SAMPLED: Final = {"1": True, "true": True, "d": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class Trace:
    """Where one call stands in its trace; ids in lower-case hex.

    ``span_id`` is new and stands for this call; ``parent_span_id`` is the caller's. ``sampled`` is None where the
    caller did not say.
    """

    trace_id: str  # 32 digits
    span_id: str  # 16 digits
    parent_span_id: str | None
    sampled: bool | None
    tracestate: str | None
    source: Literal["traceparent", "b3", "new"]


def read_trace(headers: Mapping[str, Sequence[str]]) -> Trace:
    """The trace a call names in its headers, or a new one. Never raises: a bad trace never refuses a call.

    Args:
        headers: lower-case header name to its values.
    """
    if parent := _traceparent(headers.get("traceparent", ())):
        tracestate = _tracestate(headers.get("tracestate", ()))
        return Trace(parent["trace"], _new_span_id(), parent["parent"], _sampled(parent), tracestate, "traceparent")
    if trace_id := _only(_B3_TRACE, headers.get("x-b3-traceid", ())):
        return Trace(
            trace_id.zfill(32),
            _new_span_id(),
            _only(_B3_SPAN, headers.get("x-b3-spanid", ())),
            _B3_SAMPLED.get(",".join(headers.get("x-b3-sampled", ())).strip().lower()),
            None,
            "b3",
        )
    return Trace(_new_trace_id(), _new_span_id(), None, None, None, "new")


def _traceparent(values: Sequence[str]) -> re.Match[str] | None:
    if len(values) != 1:
        return None
    text = values[0].strip(" \t")
    found = _TRACEPARENT.match(text)
    if found is None or found["version"] == "ff" or not found["trace"].strip("0") or not found["parent"].strip("0"):
        return None
    rest = text[_TRACEPARENT_LENGTH:]
    # A later version may go on after a dash; what it says there is not for us.
    return found if not rest or (found["version"] != "00" and rest.startswith("-")) else None


def _sampled(parent: re.Match[str]) -> bool:
    return bool(int(parent["flags"], 16) & _SAMPLED_FLAG)


def _tracestate(values: Sequence[str]) -> str | None:
    members = [member for member in (part.strip(" \t") for part in ",".join(values).split(",")) if member]
    found = [_TRACESTATE_MEMBER.fullmatch(member) for member in members]
    keys = {match["key"] for match in found if match}
    return ",".join(members) if 0 < len(members) == len(keys) <= MAX_TRACESTATE_MEMBERS else None


def _only(pattern: re.Pattern[str], values: Sequence[str]) -> str | None:
    """The one value, in lower case, if it has this shape and is not all zeros."""
    text = values[0].strip(" \t").lower() if len(values) == 1 else ""
    return text if pattern.fullmatch(text) and text.strip("0") else None


def _new_trace_id() -> str:
    """A time-based UUID (version 1), as Foundry wishes; with random node and sequence, so that no address leaks.

    Laid out as RFC 9562 §5.1 has it. Python's ``uuid1`` gives the same and takes three times as long.
    """
    time_of_uuid = time.time_ns() // 100 + _GREGORIAN
    high, middle, low = time_of_uuid >> 48 & 0x0FFF, time_of_uuid >> 32 & 0xFFFF, time_of_uuid & 0xFFFF_FFFF
    chosen = int.from_bytes(os.urandom(8))
    sequence, node = chosen >> 48 & 0x3FFF, chosen & 0xFFFF_FFFF_FFFF | _NO_ADDRESS
    return f"{low:08x}{middle:04x}{0x1000 | high:04x}{0x8000 | sequence:04x}{node:012x}"


def _new_span_id() -> str:
    while not any(drawn := os.urandom(8)):  # zero is no id (W3C Trace Context)
        pass
    return drawn.hex()
