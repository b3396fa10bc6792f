"""What the provider's TLS says that no server says by itself: before the answer, amid it, and on an idle connection."""

import http.client
import ssl
from collections.abc import Callable
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from addons.simulator.certificates import Authority
from tests.conftest import SettingsMaker
from tests.exchange.upstream.counted import busy, idle
from tests.proxy.client import post
from tests.proxy.test_provider_tls import ONE_A_MINUTE, WHOLE, authority, new, old, running
from tests.proxy.test_provider_trust import close_idle
from tests.proxy.tls_provider import Play, Talk
from tests.proxy.tls_records import (
    ALERT,
    CERTIFICATE_REQUEST,
    CLOSE_NOTIFY,
    HANDSHAKE,
    HELLO_REQUEST,
    INTERNAL_ERROR,
    KEY_UPDATE,
    KEY_UPDATE_REQUESTED,
    NO_RENEGOTIATION,
    PAYLOAD,
    TICKET,
    USER_CANCELED,
    ServerRecords,
    log_keys,
    records_behind,
)
from tests.records import Records
from tests.waiting import eventually

__all__ = ["authority"]

HALF: Final = len(WHOLE) - 30
TWICE: Final = {"user": {"default": {"requests_per_minute": 2}}}

type Say = Callable[[ServerRecords], bytes]


def said(kind: int, content: bytes, times: int = 1) -> Say:
    return lambda own: b"".join(own.sealed(kind, content) for _ in range(times))


def new_keys(content: bytes, times: int = 1) -> Say:
    def say(own: ServerRecords) -> bytes:
        made = b""
        for _ in range(times):
            made += own.sealed(HANDSHAKE, content)
            own.update()
        return made

    return say


def torn(own: ServerRecords) -> bytes:
    """A message of TLS's own with payload in its middle."""
    return b"".join(
        own.sealed(kind, content)
        for kind, content in ((HANDSHAKE, TICKET[:9]), (PAYLOAD, WHOLE), (HANDSHAKE, TICKET[9:]))
    )


class Case(NamedTuple):
    """``passes``: it changes nothing for the call. ``kept``: nor for the connection."""

    say: Say
    context: Callable[[Authority], ssl.SSLContext]
    passes: bool
    kept: bool = True


def of_both(say: Say, *, passes: bool) -> dict[str, Case]:
    return {"1.2": Case(say, old, passes), "1.3": Case(say, new, passes)}


CASES: Final = {
    "no payload": of_both(said(PAYLOAD, b""), passes=True),
    "no payload, a hundred times": of_both(said(PAYLOAD, b"", 100), passes=False),
    "a request to renegotiate": {
        "1.2": Case(said(HANDSHAKE, HELLO_REQUEST), old, passes=True, kept=False),
        "1.3": Case(said(HANDSHAKE, HELLO_REQUEST), new, passes=False),
    },
    "a hundred requests to renegotiate": {"1.2": Case(said(HANDSHAKE, HELLO_REQUEST, 100), old, True, False)},
    "new keys": {"1.3": Case(new_keys(KEY_UPDATE), new, passes=True)},
    "new keys for both": {"1.3": Case(new_keys(KEY_UPDATE_REQUESTED), new, passes=True)},
    "new keys again and again": {"1.3": Case(new_keys(KEY_UPDATE, 300), new, passes=True)},
    "new keys for both again and again": {"1.3": Case(new_keys(KEY_UPDATE_REQUESTED, 300), new, passes=True)},
    "new keys of no kind there is": {"1.3": Case(said(HANDSHAKE, KEY_UPDATE[:-1] + b"\x07"), new, passes=False)},
    "a ticket": {
        "1.2": Case(said(HANDSHAKE, TICKET), old, passes=False),
        "1.3": Case(said(HANDSHAKE, TICKET), new, passes=True),
    },
    "a thousand tickets": {"1.3": Case(said(HANDSHAKE, TICKET, 1000), new, passes=True)},
    "a certificate is wanted": of_both(said(HANDSHAKE, CERTIFICATE_REQUEST), passes=False),
    "a message torn by payload": of_both(torn, passes=False),
    "a warning": of_both(said(ALERT, USER_CANCELED), passes=True),
    "a warning again and again": of_both(said(ALERT, USER_CANCELED, 100), passes=False),
    "a refusal to renegotiate": of_both(said(ALERT, NO_RENEGOTIATION), passes=False),
    "an alert": of_both(said(ALERT, INTERNAL_ERROR), passes=False),
    "close_notify, and no end of TCP": of_both(said(ALERT, CLOSE_NOTIFY), passes=False),
    "a heartbeat": of_both(said(24, b"\x01\x00\x03abc"), passes=False),
    "what nobody can decrypt": of_both(lambda _own: b"\x17\x03\x03\x00\x30" + bytes(48), passes=False),
}

by_case = pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=f"{name}, TLS {number}") for name, both in CASES.items() for number, case in both.items()],
)


def answers(context: ssl.SSLContext, say: Say, at: int) -> Play:
    """``say`` stands in each answer behind so many bytes."""

    def play(talk: Talk) -> None:
        talk.shake_hands()
        own = records_behind(talk, context)
        while True:
            talk.request()
            if at:
                talk.own.sendall(own.sealed(PAYLOAD, WHOLE[:at]))
            talk.own.sendall(say(own))
            if at < len(WHOLE):
                talk.own.sendall(own.sealed(PAYLOAD, WHOLE[at:]))

    return play


def status_of(port: int) -> int:
    """0 where the answer broke off."""
    try:
        return post(port).status
    except http.client.HTTPException:
        return 0


@pytest.mark.parametrize("at", [0, HALF], ids=["before the answer", "amid it"])
@by_case
def test_what_tls_itself_may_say_changes_nothing_and_anything_else_ends_the_call(
    make_settings: SettingsMaker, authority: Authority, records: Records, tmp_path: Path, case: Case, at: int
) -> None:
    context = log_keys(case.context(authority), tmp_path)
    with running(make_settings, authority, context, answers(context, case.say, at), limits=TWICE) as (
        sidecar,
        provider,
    ):
        ended = (200, "served") if case.passes else (500, "provider_error") if at == 0 else (0, "truncated")
        pool = sidecar.services.to_provider
        for _ in range(2):
            assert status_of(sidecar.port) == ended[0]
            if not (case.passes and case.kept):
                sidecar.on_loop(partial(close_idle, pool))
                eventually(lambda: not provider.open)
        assert post(sidecar.port).status == 429
        assert sidecar.on_loop(lambda: busy(pool)) == 0
        assert (len(provider.heads), provider.dialled) == (2, 1 if case.passes and case.kept else 2)
    assert [record["call.outcome"] for record in records.of("call")] == [ended[1]] * 2 + ["refused"]
    assert records.of("fault") == []


ENDLESS: Final = {
    "requests to renegotiate": (said(HANDSHAKE, HELLO_REQUEST, 1000), old),
    "tickets": (said(HANDSHAKE, TICKET, 1000), new),
    "new keys": (new_keys(KEY_UPDATE, 100), new),
    "new keys for both": (new_keys(KEY_UPDATE_REQUESTED, 100), new),
}


@pytest.mark.parametrize("at", [0, HALF, len(WHOLE)], ids=["before the answer", "amid it", "behind it"])
@pytest.mark.parametrize(("say", "of"), ENDLESS.values(), ids=ENDLESS)
def test_messages_without_end_end_the_connection(
    make_settings: SettingsMaker,
    authority: Authority,
    records: Records,
    tmp_path: Path,
    say: Say,
    of: Callable[[Authority], ssl.SSLContext],
    at: int,
) -> None:
    """They are no part of an answer, and what TLS answers them with would wait for a provider that does not read."""
    context = log_keys(of(authority), tmp_path)

    def play(talk: Talk) -> None:
        talk.shake_hands()
        own = records_behind(talk, context)
        talk.request()
        if at:
            talk.own.sendall(own.sealed(PAYLOAD, WHOLE[:at]))
        for each in repeat(say):
            talk.own.sendall(each(own))

    with running(make_settings, authority, context, play, limits=ONE_A_MINUTE) as (sidecar, provider):
        status, outcome = {0: (500, "provider_error"), HALF: (0, "truncated"), len(WHOLE): (200, "served")}[at]
        assert status_of(sidecar.port) == status
        eventually(lambda: not provider.open)
        pool = sidecar.services.to_provider
        assert sidecar.on_loop(lambda: (busy(pool), idle(pool))) == (0, 0)
        (record,) = records.of("call")
    assert record["call.outcome"] == outcome
