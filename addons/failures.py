"""What mitmproxy says of an exchange that failed, as the refusal a caller gets."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from addons.call import Call, To
from addons.foundry.refusals import Refusal
from addons.reading import SWITCHED, TOO_LONG

SOON: Final = {"Retry-After": "1"}

BODY_TOO_LARGE: Final = "Request body exceeds"
ANSWER_TOO_LARGE: Final = "Response body exceeds"
"""What mitmproxy says; the latter before anything of the answer has been sent on."""

ANSWER_FAILED: Final = (
    (SWITCHED, "{} answered in another protocol.", None),
    (TOO_LONG, "{}'s answer has longer headers than the sidecar reads.", None),
    (ANSWER_TOO_LARGE, "{}'s answer is larger than policy.max_body_bytes.", "policy.max_body_bytes"),
)
"""What mitmproxy says, what the caller is told of the other side, and the setting that decides."""

_QUOTED: Final = re.compile(r""":? (?:bytearray\()?b?['"]""")
"""Where mitmproxy begins to quote what the other side sent, which may be an answer."""

NOT_HTTP: Final = "What came was not well-formed HTTP."
PLAIN: Final = ("Client disconnected", "server closed connection", BODY_TOO_LARGE, ANSWER_TOO_LARGE, SWITCHED, TOO_LONG)
"""How those messages of mitmproxy's begin that can't quote what the caller sent, or what the provider did."""


class Far(NamedTuple):
    """What a caller is told of the other side, and the rows of ``refusals.KINDS``."""

    name: str
    failed: str
    timeout: str
    unreachable: str


FAR: Final[Mapping[To, Far]] = {
    "provider": Far("The model provider", "provider_failed", "provider_timeout", "provider_unreachable"),
    "foundry": Far("Foundry", "foundry_failed", "foundry_timeout", "foundry_unreachable"),
}


def failure(call: Call, message: str) -> Refusal:
    """``message`` is mitmproxy's own word for what happened."""
    model = call.model.rid if call.model else ""
    if call.cut == "shutdown":
        return Refusal("shutting_down", "The sidecar is shutting down; make the call again.", headers=SOON)
    far = FAR[call.to]
    if call.cut:
        return Refusal(
            far.timeout,
            f"{far.name} did not answer in time.",
            parameters={"modelName": model} if model else {},
            detail=call.cut,
        )
    if BODY_TOO_LARGE in message:
        return Refusal("too_large", "The body is over policy.max_body_bytes.", detail=BODY_TOO_LARGE)
    for sign, text, setting in ANSWER_FAILED:
        if sign in message:
            return Refusal(far.failed, text.format(far.name), detail=sign, setting=setting)
    if call.released_at is None:
        return Refusal("bad_target", "The request is not well-formed HTTP.")
    return Refusal(
        far.unreachable,
        f"{far.name} can't be reached; try again later.",
        headers=SOON,
        detail=_QUOTED.split(message)[0],
    )
