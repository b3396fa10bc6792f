"""What a caller is told of each way that the other side can fail."""

import pytest

from addons.call import To
from addons.exchange.failure_refusals import refusal_of
from addons.exchange.upstream.failure import FailureKind as Kind
from addons.exchange.upstream.failure import UpstreamFailure

UNREACHABLE, LOST = "provider_unreachable", "provider_answer_lost"
WORDS = {
    Kind.UNREACHABLE: "can't be reached",
    Kind.NO_CONNECTION_FREE: "provider.pool.most",
    Kind.CLOSED: "closed the connection",
    Kind.BROKEN: "broke off",
    Kind.NOT_HTTP: "not well-formed HTTP",
    Kind.HEAD_TOO_LONG: "longer headers",
    Kind.SWITCHED: "another protocol",
}


@pytest.mark.parametrize(
    ("kind", "written", "reused", "name"),
    [
        *((kind, False, False, UNREACHABLE) for kind in Kind),
        *((kind, True, False, LOST) for kind in Kind if kind not in {Kind.UNREACHABLE, Kind.NO_CONNECTION_FREE}),
        (Kind.UNREACHABLE, True, False, UNREACHABLE),
        (Kind.NO_CONNECTION_FREE, True, False, UNREACHABLE),
        (Kind.CLOSED, True, True, UNREACHABLE),  # most likely before the call came
        (Kind.BROKEN, True, True, LOST),
    ],
)
@pytest.mark.parametrize("to", ["provider", "foundry"])
def test_each_kind(to: To, kind: Kind, written: bool, reused: bool, name: str) -> None:
    refusal = refusal_of(UpstreamFailure(kind, "the detail", written=written), to, reused=reused)
    of_foundry = {UNREACHABLE: "foundry_unreachable", LOST: "foundry_failed"}
    assert refusal.name == (name if to == "provider" else of_foundry[name])
    assert refusal.detail == "the detail"
    assert WORDS[kind] in refusal.message
    assert ("model provider" in refusal.message.casefold(), "Foundry" in refusal.message) == (
        to == "provider",
        to == "foundry",
    )
