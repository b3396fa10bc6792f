"""What a caller is told when the other side gave no answer that can be passed on."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from addons.call import To
from addons.exchange.upstream.failure import FailureKind, UpstreamFailure
from addons.foundry.refusals import Refusal
from addons.provider_credentials.credential import Credential, CredentialError


class Far(NamedTuple):
    """The other side's name, and its rows of ``refusals.KINDS``: not reached, and reached without a usable answer."""

    name: str
    unreachable: str
    lost: str


FAR: Final[Mapping[To, Far]] = {
    "provider": Far("The model provider", "provider_unreachable", "provider_answer_lost"),
    "foundry": Far("Foundry", "foundry_unreachable", "foundry_failed"),
}

_Kind = FailureKind

SENTENCES: Final[Mapping[FailureKind, str]] = {
    _Kind.UNREACHABLE: "{} can't be reached; try again later.",
    _Kind.NO_CONNECTION_FREE: "All connections to {} that provider.pool.most allows are in use; try again later.",
    _Kind.CLOSED: "{} closed the connection without an answer.",
    _Kind.BROKEN: "{}'s answer broke off.",
    _Kind.NOT_HTTP: "{}'s answer is not well-formed HTTP.",
    _Kind.HEAD_TOO_LONG: "{}'s answer has longer headers than the sidecar reads.",
    _Kind.SWITCHED: "{} answered in another protocol.",
}

_NOT_REACHED: Final = frozenset({_Kind.UNREACHABLE, _Kind.NO_CONNECTION_FREE})


async def bearer_of(credential: Credential) -> bytes:
    """The key or token that the provider accepts.

    Raises:
        Refusal: there is none now; nothing was sent.
    """
    try:
        return await credential.bearer()
    except CredentialError as error:
        raise Refusal(
            "provider_credential_missing",
            "The sidecar has no credential for the model provider just now. Try again shortly.",
            detail=str(error),
        ) from error


def refusal_of(failure: UpstreamFailure, to: To, *, reused: bool) -> Refusal:
    """The refusal for a caller that has got nothing yet.

    What was reached may have done the work, so that a second try would pay twice: such a refusal is final. A
    connection that was kept from an earlier call (``reused``) and closes without a byte was most likely closed
    before the call came, so that one may be tried again.
    """
    far, kind = FAR[to], failure.kind
    stale = reused and kind is _Kind.CLOSED
    reached = failure.written and kind not in _NOT_REACHED and not stale
    return Refusal(
        far.lost if reached else far.unreachable,
        SENTENCES[kind].format(far.name),
        detail=failure.detail,
    )
