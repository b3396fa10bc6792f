"""The one function that lets a call be sent: what it makes of what the gates left, and what it takes for a fault."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from addons.call import Call, Outbound
from addons.exchange.judging import Forwarded, Judged, judge
from addons.gates.order import TO_ALL, Gates, Named
from tests.gates.calls import call

EU = ("eu.api.openai.com", 443)
TO: dict[str, dict[str, Any]] = {
    "provider": {},
    "foundry": {"other_path": "/api", "credentials": {"authorization": ("Bearer its-own",)}},
    "nobody": {"answered_here": True},
}


def outbound(region: str | None = "eu", host: str = EU[0], port: int = EU[1]) -> Outbound:
    return Outbound(region, host, port, "/v1/responses", (), ())


def judged(each: Call, leaves: Outbound | None, required: tuple[str, ...] = ("head", "body")) -> Any:
    """Through two gates, of which the second says where the call goes."""

    def body(asked: Call) -> None:
        assert asked.wire_body == b"sent"
        asked.outbound = leaves

    gates = Gates([Named("head", lambda _: None, TO_ALL)], [Named("body", body, TO_ALL)])
    destination = SimpleNamespace(address=EU)
    rules: Any = SimpleNamespace(gates=gates, every_gate={each.to: required}, destinations={"eu": destination})

    async def read() -> bytes:
        assert each.passed == ["head"], "the body is read behind the gates of the head"
        return b"sent"

    return asyncio.run(judge(each, rules, read))


def test_what_every_gate_let_through_may_leave_for_its_region() -> None:
    each, leaves = call(), outbound()
    found = judged(each, leaves)
    assert type(found) is Judged
    assert (found.outbound, found.region, found.destination.address) == (leaves, "eu", EU)
    assert each.wire_body == b"", "it is kept once"


def test_to_foundry_go_the_callers_own_credentials_and_stay_nowhere_else() -> None:
    each = call(**TO["foundry"])
    found = judged(each, outbound(None))
    assert type(found) is Forwarded
    assert found.credentials == {"authorization": ("Bearer its-own",)}
    assert each.credentials == {}


def test_what_is_answered_here_leaves_for_nobody() -> None:
    assert judged(call(**TO["nobody"]), None) is None


@pytest.mark.parametrize(
    ("to", "leaves", "required", "says"),
    [
        ("provider", outbound(), ("head",), "gates passed"),
        ("provider", outbound(), ("head", "another", "body"), "gates passed"),
        ("provider", outbound(), ("body", "head"), "gates passed"),
        ("foundry", outbound(), ("head",), "gates passed"),
        ("nobody", None, ("head",), "gates passed"),
        ("nobody", outbound(), ("head", "body"), "answered here"),
        ("provider", None, ("head", "body"), "where the call goes"),
        ("foundry", None, ("head", "body"), "where the call goes"),
        ("provider", outbound(None), ("head", "body"), "whose credential"),
        ("provider", outbound(host="api.openai.com"), ("head", "body"), "not where the region eu is"),
        ("provider", outbound(port=8443), ("head", "body"), "not where the region eu is"),
    ],
)
def test_what_no_gate_would_leave_is_a_fault(
    to: str, leaves: Outbound | None, required: tuple[str, ...], says: str
) -> None:
    with pytest.raises(RuntimeError, match=says):
        judged(call(**TO[to]), leaves, required)


def test_no_region_that_nobody_configured() -> None:
    with pytest.raises(KeyError):
        judged(call(), outbound("us"))
