"""What becomes of a request's headers on the model's path (docs/contract.md#request-headers)."""

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal, NamedTuple

type HeaderDecision = Literal["forwarded", "hashed", "replaced", "read", "kept back"]
"""Travels as it came; travels as an HMAC of caller and value; is made anew for the provider; is read here and goes no
further; goes no further.
"""

PALANTIR: Final = "Palantir, API v2, OpenAI proxy: Responses"
OURS: Final = "our decision"
CHECKED: Final = date(2026, 11, 27)


class Header(NamedTuple):
    """One row, by the header's name in lower case."""

    decision: HeaderDecision
    reason: str
    source: str
    section: str
    setting: str = ""


_ALLOW_LIST: Final = "what goes to the provider is an allow-list"

HEADERS: Final[Mapping[str, Header]] = {
    "authorization": Header(
        "replaced", "proves the caller; the provider's key takes its place", PALANTIR, "headers", "caller.verifier"
    ),
    "content-type": Header("replaced", "must be application/json", PALANTIR, "headers"),
    "content-encoding": Header("replaced", "the body is decoded, and leaves without an encoding", OURS, _ALLOW_LIST),
    "attribution": Header("read", "which projects a call counts towards", PALANTIR, "headers"),
    "traceparent": Header("read", "which trace the call belongs to", PALANTIR, "headers"),
    "tracestate": Header("read", "which trace the call belongs to", PALANTIR, "headers"),
    "x-b3-traceid": Header("read", "which trace, where no traceparent is valid", "foundry_sdk 1.111", "http_client"),
    "x-b3-spanid": Header("read", "which trace, where no traceparent is valid", "foundry_sdk 1.111", "http_client"),
    "x-b3-sampled": Header("read", "which trace, where no traceparent is valid", "foundry_sdk 1.111", "http_client"),
    "x-palantir-session-id": Header(
        "read",
        "leaves at most as a hash, in prompt_cache_key",
        "Palantir, API v3",
        "headers",
        "policy.prompt_cache_key",
    ),
    "openai-organization": Header(
        "replaced", "never the caller's; set for the region", OURS, _ALLOW_LIST, "provider.regions.*.organization"
    ),
    "openai-project": Header(
        "replaced", "never the caller's; set for the region", OURS, _ALLOW_LIST, "provider.regions.*.project"
    ),
    "idempotency-key": Header(
        "hashed", "lets a caller repeat a call safely, and meet no other caller's", OURS, "holds no content"
    ),
    "x-client-request-id": Header(
        "forwarded", "lets a caller find its call in OpenAI's logs", OURS, "holds no content"
    ),
    "*": Header("kept back", "any other header", OURS, _ALLOW_LIST),
}

FORWARDED: Final = tuple(name for name, row in HEADERS.items() if row.decision == "forwarded")
HASHED: Final = tuple(name for name, row in HEADERS.items() if row.decision == "hashed")
"""The only caller's headers that travel on, as they came or hashed; all others stay here."""
