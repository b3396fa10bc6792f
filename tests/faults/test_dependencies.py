"""What a call leans on besides the provider, lying: whoever proves callers, keeps counts, or holds the ledger."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from addons.foundry.caller import SCOPE
from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.faults.raw_provider import Pause, RawProvider, Script, Step
from tests.process.conftest import DocumentMaker, make_document, written  # noqa: F401 - a fixture
from tests.proxy.client import Reply, post
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.tally import Tally
from tests.verifiers.tokens import AUDIENCE, ISSUER, signed

HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
TRUTH: Final = b'{"active": true, "sub": "alice", "id": "alice", "scope": "%s"}' % SCOPE.encode()

LIES: Final[Mapping[str, tuple[Step, ...]]] = {
    "nothing": (),
    "a reset": ("reset",),
    "garbage": (b"\x00\x01\x02\r\n\r\n",),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x28",),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-",),
    "half an answer": (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + TRUTH,),
    "a head without end": (b"HTTP/1.1 200 OK\r\n", b"X: a\r\n" * 1000, "endless"),
    "an answer without end": (HEAD, b" " * 60_000, "endless"),
    "an answer that trickles": (HEAD, *(b" ", Pause(0.2)) * 50),
    "silence": (Pause(30),),
    "a redirect": (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",),
    "a page": (HEAD.replace(b"application/json", b"text/html") + b"<html></html>",),
    "a list": (HEAD + b"[]",),
    "a number": (HEAD + b"1",),
    "nested deep": (HEAD + b'{"active":' + b"[" * 100_000,),
    "no UTF-8": (HEAD + b'{"active": "\xff"}',),
}
"""What whoever proves callers says in place of an answer."""


def verifying(verifier: str, port: int, directory: Path) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}"
    (directory / "secret").write_text("client-secret")
    own: dict[str, dict[str, Any]] = {
        "introspection": {"url": url, "client_id": "sidecar", "client_secret": {"file": directory / "secret"}},
        "jwt": {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": url},
        "foundry": {"url": url, "subjects": {"alice": {"scopes": [SCOPE]}}},
    }
    return {"verifier": verifier, verifier: own[verifier] | {"deadline_seconds": 0.5}}


@pytest.mark.parametrize("verifier", ["introspection", "foundry"])
def test_who_proves_callers_lies(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    tally: Tally,
    tmp_path: Path,
    verifier: str,
) -> None:
    """Whatever the lie, the call is refused for now and nothing is dialled; the truth heals it."""
    with (
        RawProvider({}, at_once=Script(())) as liar,
        RunningSidecar(make_settings(caller=verifying(verifier, liar.port, tmp_path))) as sidecar,
    ):
        for name, steps in LIES.items():
            liar.at_once = Script(steps)
            before = liar.dialled
            assert_unavailable(post(sidecar.port), name)
            assert liar.dialled > before, name
            assert (provider.dialled, provider.calls) == (0, []), name
        liar.at_once = Script((HEAD + TRUTH,))
        assert post(sidecar.port).status == 200
    *alone, served = records.of("call")
    (summed,) = records.of("calls_summed")
    assert len(alone) + summed["calls"] == len(LIES)
    assert {record["call.outcome"] for record in alone} == {"refused"}
    assert served["call.outcome"] == "served"
    tally.add("faults", f"{verifier} lies", tried=len(LIES), lost=0)


@pytest.mark.long  # a sidecar a lie: keys are not asked for again at once
def test_who_publishes_keys_lies(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tally: Tally, tmp_path: Path
) -> None:
    for name, steps in LIES.items():
        records.clear()
        with (
            RawProvider({}, at_once=Script(steps)) as liar,
            RunningSidecar(make_settings(caller=verifying("jwt", liar.port, tmp_path))) as sidecar,
        ):
            assert_unavailable(post(sidecar.port, headers=[("Authorization", f"Bearer {signed()}")]), name)
            assert liar.dialled, name
        assert len(records.wait()) == 1, name
        assert (provider.dialled, provider.calls) == (0, []), name
    tally.add("faults", "jwks lies", tried=len(LIES), lost=0)


def assert_unavailable(reply: Reply, name: str) -> None:
    assert (reply.status, reply.code) == (503, "service_unavailable"), name
    assert "retry-after" in reply.headers, name


NO_COUNTS: Final[Mapping[str, tuple[Step, ...]]] = {
    "nothing": (),
    "a reset": ("reset",),
    "an error": (b"-ERR go away\r\n" * 20,),
    "another kind": (b"+OK\r\n" * 20,),
    "no number": (b"$3\r\nabc\r\n" * 20,),
    "garbage": (b"HTTP/1.1 400 Bad Request\r\n\r\n",),
    "a length without end": (b"$999999999\r\n", b"a" * 1000, Pause(30)),
    "silence": (Pause(30),),
}
"""What stands where Redis should."""


def test_who_keeps_counts_lies(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tally: Tally
) -> None:
    for name, steps in NO_COUNTS.items():
        records.clear()
        with RawProvider({}, at_once=Script(steps)) as liar:
            limits = {
                "storage": f"redis://127.0.0.1:{liar.port}/0",
                "user": {"default": {"requests_per_minute": 5}},
            }
            with RunningSidecar(make_settings(limits=limits)) as sidecar:
                reply = post(sidecar.port)
        assert_unavailable(reply, name)
        assert len(records.of("call")) == 1, name
        assert (provider.dialled, provider.calls) == (0, []), name
    tally.add("faults", "store of limits lies", tried=len(NO_COUNTS), lost=0)
