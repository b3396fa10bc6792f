from collections.abc import Sequence

import pytest

from addons.foundry.caller import Caller
from addons.foundry.refusals import Refusal
from addons.verifiers.well_formed import LONGEST_TOKEN, WellFormed
from tests.verifiers.refusals import run, verdict


class Everyone:
    async def verify(self, token: str) -> Caller:
        return Caller(token, frozenset())

    async def missing(self) -> Sequence[str]:
        return ["everyone"]


@pytest.mark.parametrize("token", ["a", "abc-._~+/XYZ019==", "a.b.c", "a" * LONGEST_TOKEN])
def test_let_through(token: str) -> None:
    assert run(verdict(WellFormed(Everyone()), token)) == Caller(token, frozenset())


@pytest.mark.parametrize(
    "token",
    [
        "", "=", "a=b", "a b", " a", "a ", "a\n", "a\r\nX-Evil: 1", "a,b", "a;b", 'a"b', "a\x00", "tökén", "a\u2028",
        "\ud800", "٣", "a&token=b", "a%20", "a" * (LONGEST_TOKEN + 1),
    ],
    ids=ascii,
)  # fmt: skip
def test_refused(token: str) -> None:
    with pytest.raises(Refusal) as caught:
        run(WellFormed(Everyone()).verify(token))
    assert (caught.value.name, caught.value.parameters) == ("unauthorized", {"error": "INVALID"})
