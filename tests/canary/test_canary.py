"""Secrets run through every path, and then looked for in everything the sidecar says, keeps, or passes on."""

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from addons.simulator.certificates import LOOPBACK, Authority
from tests.canary import cases_of_other_apis, servers
from tests.canary.cases import ALL, CASES, CONTENT, CREDENTIALS, FAULTS, LARGEST, LIMITS, OPERATORS, Case, Planting
from tests.canary.planted import Canaries, Leak
from tests.canary.servers import Quoting
from tests.canary.started import Page, Started
from tests.ports import free_port
from tests.proxy.test_telemetry import Collector
from tests.tally import Tally

FORWARDED: Final = frozenset((
    "host", "content-type", "accept", "accept-encoding", "user-agent", "authorization", "content-length",
    "idempotency-key", "x-client-request-id",
))  # fmt: skip
"""Every header that may reach the provider (docs/contract.md#request-headers)."""

EVERY: Final = (*CASES, *cases_of_other_apis.CASES)

KEY: Final = ec.generate_private_key(ec.SECP256R1())

VISIBLE: Final = CREDENTIALS | OPERATORS
"""What a page that shows conversations must not show, nor flows saved from it."""


@dataclass
class Run:
    """What was planted in one process, and every surface that was searched."""

    canaries: Canaries = field(default_factory=Canaries)
    key: str = ""
    searched: int = 0
    leaks: list[Leak] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def search(self, surface: str, text: bytes | str, kinds: frozenset[str] = ALL) -> None:
        self.searched += 1
        self.leaks += self.canaries.search(surface, text, kinds)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def settings(provider: Quoting, authority: Authority, **sections: Any) -> dict[str, Any]:
    return {
        "provider": {
            "trusted_ca": str(authority.file),
            "regions": {"global": {"url": f"{provider.url}/v1", "api_key": {"env": "CANARY_KEY"}}},
            "timeouts": {"connect": 5, "read": 1},
        },
        "caller": {"verifier": "development"},
        "limits": LIMITS,
        "policy": {"max_body_bytes": LARGEST},
        **sections,
    }


def play(run: Run, started: Started, provider: Quoting, cases: Sequence[Case]) -> None:
    """Sends each case, and looks at once at what the caller and the provider got."""
    for case in cases:
        plant = Planting(run.canaries, case.name, run.key)
        provider.answer = case.reply(plant)
        request = case.request(plant)
        before, told = len(provider.requests), started.said().count(b"LookupError")
        answer = started.say(request)
        status = int(answer.split(b" ", 2)[1]) if answer else 0
        if status not in case.statuses:
            run.wrong.append(f"{case.name}: {status}")
        found = run.canaries.search(f"the answer to {case.name}", answer, ALL)
        own = {(kind, case.name) for kind in CONTENT}  # may come back to its own caller
        run.leaks += [leak for leak in found if (leak.kind, leak.where) not in own]
        run.searched += 1
        for reached in provider.requests[before:]:
            run.search(f"the provider's record of {case.name}", reached, CREDENTIALS | {"malformed"})
            names = {
                line.partition(b":")[0].decode().lower()
                for line in reached.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
            }
            assert names <= FORWARDED, case.name
        if case in FAULTS:
            started.wait(rb"LookupError", told + 1)


def hand_in(run: Run, tally: Tally, what: str) -> None:
    tally.add(
        "secrets",
        what,
        tried=len(run.canaries),
        lost=len(set(run.leaks)),
        figures=f"planted; {run.searched} surfaces searched",
    )
    assert run.wrong == []
    assert not run.leaks, "\n".join(
        sorted({f"{leak.kind} of {leak.where!r} in {leak.surface}, {leak.form}" for leak in run.leaks})
    )


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def test_a_sidecar_that_logs_records_and_saves_all_it_can(
    authority: Authority, tmp_path: Path, tally: Tally, collector: Collector
) -> None:
    run = Run()
    run.key = f"sk-{run.canaries.plant('provider key', 'the configuration')}"
    with Quoting(lambda _head, _body: None, authority.server_context(LOOPBACK)) as provider:
        admin = free_port()
        sections = {
            "listen": {"admin": f"127.0.0.1:{admin}"},
            "usage": {"ledger": str(tmp_path / "ledger")},
            "telemetry": {"otlp_endpoint": collector.url, "otlp_records": True},
            "log": {"format": "json"},
        }
        env = {"CANARY_KEY": run.key, "PYTHONASYNCIODEBUG": "1"}
        words = ["start", "--record", str(tmp_path / "cassette")]
        with Started(tmp_path, words, settings(provider, authority, **sections), env) as started:
            started.ready()
            play(run, started, provider, EVERY)
            metrics = httpx.get(f"http://127.0.0.1:{admin}/metrics").content
            kept = {f"{path.name} while it runs": path.read_bytes() for path in tmp_path.glob("ledger*")}
            assert started.stop() == 0
    kept |= {path.name: path.read_bytes() for path in tmp_path.glob("ledger*")}
    kept |= {"metrics": metrics, "OTLP": collector.text, "cassette": (tmp_path / "cassette").read_bytes()}
    kept |= {name: started.read(name) for name in ("stdout", "stderr")}
    for name, text in kept.items():
        run.search(name, text)
    assert all(len(text) > 1000 for name, text in kept.items() if name not in {"stderr", "ledger-shm", "ledger-wal"})
    assert {b"foundry_sidecar_calls_total", b"gen_ai"} <= set(
        re.findall(rb"foundry_sidecar_calls_total|gen_ai", metrics)
    )
    assert len(collector.spans) > len(EVERY) / 2
    hand_in(run, tally, "start: logs in json, asyncio's debugging, metrics, OTLP, ledger, cassette")


def test_mitmweb_and_a_log_for_people(authority: Authority, tmp_path: Path, tally: Tally) -> None:
    run = Run()
    run.key = f"sk-{run.canaries.plant('provider key', 'the configuration')}"
    with Quoting(lambda _head, _body: None, authority.server_context(LOOPBACK)) as provider, ExitStack() as ending:
        sections = {
            "log": {"format": "console"},
            "inspect": {"port": 0},
            "listen": {"admin": "127.0.0.1:0"},
            "usage": {"ledger": "off"},
        }
        env = {"CANARY_KEY": run.key}
        started = Started(tmp_path, ["web"], settings(provider, authority, **sections), env)
        ending.enter_context(started).ready()
        page = Page(started)
        page.http.put("/options", json={"termlog_verbosity": "debug"}).raise_for_status()
        play(run, started, provider, EVERY)
        surfaces = page.surfaces()
        surfaces |= {f"{name} in flight": text for name, text in in_flight(run, started, provider, page).items()}
        page.close()
        assert started.stop() == 0
    surfaces["websocket"] = "".join(page.messages).encode()
    for name, text in surfaces.items():
        run.search(name, text, ALL if name.startswith("/events") else VISIBLE)
    for name in ("stdout", "stderr"):
        run.search(name, started.read(name))
    assert b"LookupError" in surfaces["/events"]
    assert b"flows/update" in surfaces["websocket"]
    assert all(b"gpt-5.2" in surfaces[name] for name in ("/flows", "/flows/dump", "flows' content", "websocket"))
    hand_in(run, tally, "web: page, API and websocket, in flight and afterwards, log for people at debug")


def in_flight(run: Run, started: Started, provider: Quoting, page: Page) -> dict[str, bytes]:
    """What the page gives while a call waits for its answer."""
    plant = Planting(run.canaries, "in flight", run.key)
    provider.answer = lambda _head, _body: None
    before = len(provider.requests)
    caller = threading.Thread(target=started.say, args=(plant.request(),))
    caller.start()
    while len(provider.requests) == before:
        time.sleep(0.01)
    found = page.surfaces()
    caller.join()
    return found


LIES: Final[Sequence[Callable[[str], bytes]]] = (
    lambda text: servers.whole(500, {"error": text}),
    lambda text: servers.whole(200, text.encode()),
    lambda text: servers.whole(200, {"active": text, "keys": [text], "username": text}),
    lambda text: servers.whole(302, b"", f"Location: http://127.0.0.1:1/{flat(text)}"),
    lambda text: f"{flat(text)}\r\n\r\n".encode(),
    lambda text: f"HTTP/1.1 200 OK\r\n{flat(text).replace(':', '')}\r\n\r\n".encode(),
    lambda text: f"HTTP/1.1 {flat(text)} OK\r\n\r\n".encode(),
    lambda text: f"HTTP/1.1 200 OK\r\nContent-Length: {flat(text)}\r\n\r\n".encode(),
    lambda text: f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{flat(text)}\r\n".encode(),
)
"""How a verifier may answer, given the whole request it was sent."""


def flat(text: str) -> str:
    return text.replace("\r\n", " ")


def test_verifiers(authority: Authority, tmp_path: Path, tally: Tally) -> None:
    """One that is asked about a token may say it back, in whatever way."""
    run = Run()
    run.key = f"sk-{run.canaries.plant('provider key', 'the configuration')}"
    env = {"CANARY_KEY": run.key, "CANARY_SECRET": run.canaries.plant("client secret", "the configuration")}
    lie = 0

    def answer(head: bytes, body: bytes) -> bytes:
        return LIES[lie](head.decode("latin-1") + body.decode("latin-1"))

    with ExitStack() as ending:
        asked = ending.enter_context(Quoting(answer))
        provider = ending.enter_context(Quoting(lambda _h, _b: None, authority.server_context(LOOPBACK)))
        at = {"url": asked.url, "deadline_seconds": 0.5}
        verifiers: dict[str, dict[str, Any]] = {
            "introspection": {**at, "client_id": "sidecar", "client_secret": {"env": "CANARY_SECRET"}},
            "foundry": at,
            "jwt": {
                "jwks_url": asked.url,
                "deadline_seconds": 0.5,
                "keys_interval_seconds": 1,
                "issuer": "i",
                "audience": "a",
            },
        }
        started = {}
        for name, own in verifiers.items():
            (tmp_path / name).mkdir()
            sections = {"caller": {"verifier": name, name: own}, "usage": {"ledger": "off"}, "log": {"format": "json"}}
            document = settings(provider, authority, **sections)
            started[name] = Started(tmp_path / name, ["start"], document, env)
            ending.enter_context(started[name])
        for lie in range(len(LIES)):
            for name, sidecar in started.items():
                sidecar.ready()
                plant = Planting(run.canaries, f"lie {lie} of {name}", run.key)
                token = jwt.encode({"sub": plant("token")}, KEY, "ES256") if name == "jwt" else plant.token()
                reply = sidecar.say(plant.request(headers=[("Authorization", f"Bearer {token}")]))
                run.search(f"the answer to {plant.where}", reply)
                if not reply.startswith(b"HTTP/1.1 503"):
                    run.wrong.append(f"{plant.where}: {reply[:15]!r}")
        assert [sidecar.stop() for sidecar in started.values()] == [0, 0, 0]
        assert provider.requests == []
    for name, sidecar in started.items():
        run.search(f"stdout with {name}", sidecar.read("stdout"))
        run.search(f"stderr with {name}", sidecar.read("stderr"))
    assert len(asked.requests) > 2 * len(LIES)
    hand_in(run, tally, "verifiers whose servers quote what they are asked")


def test_the_search_finds_what_has_leaked() -> None:
    """Each surface's own way to write a value, and either half of it."""
    canaries = Canaries()
    value = canaries.plant("token", "here")
    other = canaries.plant("prompt", "there")
    plain = [f"… {value} …", f"x{value[:20]}", f"{value[20:]}x", value.upper(), json.dumps({"a": f'"{value}"'})]
    hexadecimal = [value.encode().hex(), value.encode().hex().upper()]
    coded = [base64.b64encode(b"x" * before + value.encode()).decode() for before in range(7)]
    coded += [base64.urlsafe_b64encode(b"\xff\xfe" + value[:20].encode()).decode()]
    for text in (*plain, *hexadecimal, *coded, quote(f"/{value}?"), repr({"k": [value]})):
        assert {leak.where for leak in canaries.search("a surface", text, ALL)} == {"here"}, text
        assert canaries.search("a surface", text, CONTENT) == []
    assert canaries.search("a surface", Canaries().plant("token", "elsewhere"), ALL) == []
    assert {leak.kind for leak in canaries.search("a surface", other + value, ALL)} == {"token", "prompt"}
