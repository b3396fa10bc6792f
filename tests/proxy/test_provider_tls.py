"""TLS as no well-behaved provider speaks it: what is sent, what the caller gets, and what is charged."""

import contextlib
import datetime as dt
import http.client
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from addons.simulator.certificates import LOOPBACK, Authority
from tests.conftest import SettingsMaker
from tests.exchange.upstream.counted import busy, idle
from tests.proxy.client import post
from tests.proxy.running import RunningSidecar
from tests.proxy.tls_provider import Play, Talk, TlsProvider
from tests.records import Records
from tests.waiting import eventually

ONE_A_MINUTE: Final = {"user": {"default": {"requests_per_minute": 1}}}
TOLD: Final = b'{"id":"resp_1","object":"response","status":"completed","output":[]}'
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WHOLE: Final = HEAD + b"Content-Length: %d\r\n\r\n" % len(TOLD) + TOLD


@pytest.fixture(scope="module")
def authority(certificates: Path) -> Authority:
    return Authority(certificates / "odd provider")


def version(authority: Authority, number: ssl.TLSVersion) -> ssl.SSLContext:
    context = authority.server_context(LOOPBACK)
    context.minimum_version = context.maximum_version = number
    return context


def old(authority: Authority) -> ssl.SSLContext:
    return version(authority, ssl.TLSVersion.TLSv1_2)


def new(authority: Authority) -> ssl.SSLContext:
    return version(authority, ssl.TLSVersion.TLSv1_3)


@contextmanager
def running(
    make_settings: SettingsMaker, authority: Authority, context: ssl.SSLContext, play: Play, **sections: Any
) -> Iterator[tuple[RunningSidecar, TlsProvider]]:
    with TlsProvider(context, play) as provider:
        base = make_settings().provider.model_dump() | sections.pop("provider", {})
        base["regions"]["global"]["url"] = provider.url
        base["trusted_ca"] = authority.file
        with RunningSidecar(make_settings(provider=base, **sections)) as sidecar:
            yield sidecar, provider


# -- what ends before a byte of the call was written


def closes(talk: Talk) -> None:
    talk.shake_hands(flush=False)
    talk.say_goodbye()


def speaks_unasked(talk: Talk) -> None:
    talk.shake_hands(flush=False)
    talk.say(WHOLE)


def hangs_up_at_once(talk: Talk) -> None:
    talk.own.recv(1)


def resets_within_the_handshake(talk: Talk) -> None:
    talk.own.recv(65536)
    talk.reset()


def says_no_tls(talk: Talk) -> None:
    talk.own.sendall(WHOLE)
    talk.wait_for_end()


def begins_a_record_without_end(talk: Talk) -> None:
    talk.own.sendall(b"\x16\x03\x03\xff\xff" + bytes(70_000))
    talk.wait_for_end()


def asks_to_renegotiate_without_end(talk: Talk) -> None:
    """OpenSSL skips it while a handshake is under way."""
    talk.own.recv(65536)
    while True:
        talk.own.sendall((b"\x16\x03\x03\x40\x00" + bytes(16384)) * 4)


def only_shakes_hands(talk: Talk) -> None:
    talk.shake_hands()
    talk.wait_for_end()


def asks_for_a_certificate(authority: Authority) -> ssl.SSLContext:
    context = old(authority)
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def shows_a_long_chain(authority: Authority) -> ssl.SSLContext:
    """More than OpenSSL reads."""
    certificate, key = authority.issue(LOOPBACK)
    file = authority.file.parent / "long-chain.pem"
    file.write_bytes(key + certificate + certificate * 400)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


class Unwritten(NamedTuple):
    play: Play
    context: Callable[[Authority], ssl.SSLContext] = old


UNWRITTEN: Final = {
    "closed with the handshake": Unwritten(closes),
    "spoken to unasked": Unwritten(speaks_unasked),
    "closed at once": Unwritten(hangs_up_at_once),
    "reset within the handshake": Unwritten(resets_within_the_handshake),
    "no TLS": Unwritten(says_no_tls, new),
    "messages without end": Unwritten(asks_to_renegotiate_without_end),
    "messages without end, TLS 1.3": Unwritten(asks_to_renegotiate_without_end, new),
    "a record without end": Unwritten(begins_a_record_without_end, new),
    "a certificate is wanted": Unwritten(only_shakes_hands, asks_for_a_certificate),
    "a certificate for another name": Unwritten(only_shakes_hands, lambda by: by.server_context(["other.example"])),
    "a certificate of yesterday": Unwritten(
        only_shakes_hands, lambda by: by.server_context(LOOPBACK, dt.timedelta(hours=-1))
    ),
    "a chain of hundreds": Unwritten(only_shakes_hands, shows_a_long_chain),
}


@pytest.mark.parametrize("case", UNWRITTEN.values(), ids=UNWRITTEN)
def test_what_was_not_written_costs_nothing_and_may_be_tried_again(
    make_settings: SettingsMaker, authority: Authority, records: Records, case: Unwritten
) -> None:
    with running(make_settings, authority, case.context(authority), case.play, limits=ONE_A_MINUTE) as (
        sidecar,
        provider,
    ):
        for _ in range(2):
            reply = post(sidecar.port)
            assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "upstream_unreachable", "1")
        assert provider.heads == []
        eventually(lambda: not provider.open)
        pool = sidecar.services.to_provider
        counts = sidecar.on_loop(lambda: (busy(pool), idle(pool)))
        assert counts == (0, 0)
        provider.play = answers(WHOLE)
        if case.context is old:
            assert [post(sidecar.port).status for _ in range(2)] == [200, 429]
    assert [record["call.outcome"] for record in records.of("call")][:2] == ["provider_error"] * 2


def stalls_in_the_middle(talk: Talk) -> None:
    talk.own.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76")
    talk.wait_for_end()


@pytest.mark.parametrize("play", [Talk.wait_for_end, stalls_in_the_middle], ids=["at its start", "in the middle"])
def test_a_handshake_that_stalls(
    make_settings: SettingsMaker, authority: Authority, records: Records, play: Play
) -> None:
    soon = {"timeouts": {"connect": 0.3}}
    with running(make_settings, authority, new(authority), play, limits=ONE_A_MINUTE, provider=soon) as (
        sidecar,
        provider,
    ):
        assert [post(sidecar.port).code for _ in range(2)] == ["timeout"] * 2
        eventually(lambda: not provider.open)
    assert [record["call.outcome"] for record in records.of("call")] == ["timed_out"] * 2


# -- what ends behind the call


def answers(*pieces: bytes, goodbye: bool = False) -> Play:
    """Each call on a connection; with ``goodbye`` the first alone, and close_notify in one write with its end."""

    def play(talk: Talk) -> None:
        talk.shake_hands()
        while True:
            talk.request()
            for piece in pieces[:-1]:
                talk.say(piece)
            talk.tls.write(pieces[-1])
            if goodbye:
                talk.say_goodbye()
                return
            talk.flush()

    return play


def then(after: Callable[[Talk], object], *pieces: bytes) -> Play:
    def play(talk: Talk) -> None:
        talk.shake_hands()
        talk.request()
        for piece in pieces:
            talk.say(piece)
        after(talk)

    return play


def says_more_behind_its_goodbye(talk: Talk) -> None:
    with contextlib.suppress(ssl.SSLError):
        talk.tls.unwrap()
    talk.flush()
    talk.own.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))


def cuts(_talk: Talk) -> None:
    """The end of TCP, and none of TLS."""


class Written(NamedTuple):
    """``kept``: the next call is on the same connection."""

    play: Play
    status: int
    outcome: str
    kept: bool = False


HALF: Final = WHOLE[:-10]
UNTIL_CLOSE: Final = HEAD + b"\r\n" + TOLD
WRITTEN: Final = {
    "as it should be": Written(answers(WHOLE), 200, "served", kept=True),
    "in two records": Written(answers(HALF, WHOLE[len(HALF) :]), 200, "served", kept=True),
    "a goodbye in one write with it": Written(answers(WHOLE, goodbye=True), 200, "served"),
    "no goodbye behind it": Written(then(cuts, WHOLE), 200, "served"),
    "until the end, with a goodbye": Written(then(Talk.say_goodbye, UNTIL_CLOSE), 200, "served"),
    "until the end, without": Written(then(cuts, UNTIL_CLOSE), 0, "truncated"),
    "a goodbye in the middle": Written(then(Talk.say_goodbye, HALF), 0, "truncated"),
    "more behind a goodbye in the middle": Written(then(says_more_behind_its_goodbye, HALF), 0, "truncated"),
    "a goodbye in the place of a head": Written(then(Talk.say_goodbye), 500, "provider_error"),
    "a goodbye within the head": Written(then(Talk.say_goodbye, WHOLE[:20]), 500, "provider_error"),
    "a cut in the place of a head": Written(then(cuts), 500, "provider_error"),
    "a reset in the place of a head": Written(then(Talk.reset), 500, "provider_error"),
    "HTTP/2": Written(then(cuts, b"\x00\x00\x12\x04" + bytes(23)), 500, "provider_error"),
}


@pytest.mark.parametrize("context", [old, new], ids=["TLS 1.2", "TLS 1.3"])
@pytest.mark.parametrize("case", WRITTEN.values(), ids=WRITTEN)
def test_what_was_written_is_charged_once(
    make_settings: SettingsMaker,
    authority: Authority,
    records: Records,
    case: Written,
    context: Callable[[Authority], ssl.SSLContext],
) -> None:
    two = {"user": {"default": {"requests_per_minute": 2}}}
    with running(make_settings, authority, context(authority), case.play, limits=two) as (sidecar, provider):
        for _ in range(2):
            if case.status:
                assert post(sidecar.port).status == case.status
            else:
                with pytest.raises(http.client.HTTPException):
                    post(sidecar.port)
            eventually(lambda: case.kept or not provider.open)
        assert post(sidecar.port).status == 429
        assert (len(provider.heads), provider.dialled) == (2, 1 if case.kept else 2)
    assert [record["call.outcome"] for record in records.of("call")] == [case.outcome] * 2 + ["refused"]


def stale(after: Callable[[Talk], object]) -> Play:
    """The first call on a connection is answered; the second is read, and gets no byte."""

    def play(talk: Talk) -> None:
        talk.shake_hands()
        talk.request()
        talk.say(WHOLE)
        talk.request()
        after(talk)

    return play


@pytest.mark.parametrize("after", [Talk.reset, Talk.say_goodbye, cuts], ids=["reset", "goodbye", "cut"])
def test_a_kept_connection_that_ends_without_a_byte_may_be_tried_again_and_stays_charged(
    make_settings: SettingsMaker, authority: Authority, records: Records, after: Callable[[Talk], object]
) -> None:
    """What was written may have been read, so that it is never sent twice from here."""
    two = {"user": {"default": {"requests_per_minute": 2}}}
    with running(make_settings, authority, new(authority), stale(after), limits=two) as (sidecar, provider):
        assert post(sidecar.port).status == 200
        reply = post(sidecar.port)
        assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "upstream_unreachable", "1")
        assert (len(provider.heads), provider.dialled) == (2, 1)
        assert post(sidecar.port).status == 429
    assert [record["call.outcome"] for record in records.of("call")] == ["served", "provider_error", "refused"]
