"""Plays the table of answers through one real proxy, by each kind of caller, and notes what is seen."""

import base64
import datetime as dt
import json
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import h11
import httpx2
import openai

from addons.apis.table import APIS
from addons.configuration.settings import Settings
from addons.foundry.paths import BASE
from addons.simulator.certificates import LOOPBACK, Authority
from tests.clients.installed import NODE
from tests.conftest import MODEL, PROVIDER_KEY
from tests.faults import answers, answers_of_other_apis
from tests.faults.answers import Row
from tests.faults.raw_provider import NAME, RawProvider, Script
from tests.proxy.client import request_bytes
from tests.proxy.running import RunningSidecar

ROWS: Final = {**answers.ROWS, **answers_of_other_apis.ROWS}

AT_ONCE: Final = 12
CLIENTS: Final = Path(__file__).parent.parent / "clients"

REGIONS: Final = {
    "scripted": "global", "refused": "us", "resets": "eu", "no-tls": "ae", "other-name": "au", "expired": "in",
    "unknown": "jp",
}  # fmt: skip
"""Each kind of provider stands for a region, so that one sidecar meets them all."""


class Seen(NamedTuple):
    """``error``: the exception's class, of a caller that has such; ``whole``: whether HTTP ended as it should."""

    status: int | None
    code: str | None
    error: str | None = None
    whole: bool = True


@dataclass(frozen=True)
class Stage:
    sidecar: RunningSidecar
    providers: Mapping[str, RawProvider]
    ledger: Path

    @property
    def base_url(self) -> str:
        return f"{self.sidecar.url}{BASE}"


def token_of(caller: str) -> str:
    """A token under which ``development`` knows a caller by this name."""
    parts = ({"alg": "none"}, {"sub": caller})
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".c2ln"
    )


def body_of(row: Row) -> dict[str, Any]:
    """Costs nearly all of what a caller may use in a minute, until it is settled."""
    text = "x" * row.size
    own: Mapping[str, dict[str, Any]] = {
        "responses": {"input": text, "max_output_tokens": 900, "stream": row.stream},
        "chat_completions": {
            "messages": [{"role": "user", "content": text}], "max_completion_tokens": 900, "stream": row.stream,
        },
        "embeddings": {"input": text},
    }  # fmt: skip
    return {"model": f"{MODEL}-at-{row.where}", **own[row.api]}


@contextmanager
def staged(directory: Path) -> Iterator[Stage]:
    authority, stranger = Authority(directory / "authority"), Authority(directory / "stranger")
    scripts = {name: row.script for name, row in ROWS.items()}
    with ExitStack() as stack:
        providers = {
            "scripted": RawProvider(scripts, authority.server_context(LOOPBACK)),
            "resets": RawProvider({}, at_once=Script(("reset",))),
            "no-tls": RawProvider({}, at_once=Script((b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",))),
            "other-name": RawProvider({}, authority.server_context(["elsewhere.example"])),
            "expired": RawProvider({}, authority.server_context(LOOPBACK, dt.timedelta(hours=-1))),
            "unknown": RawProvider({}, stranger.server_context(LOOPBACK)),
        }
        for provider in providers.values():
            stack.enter_context(provider)
        urls = {kind: provider.url for kind, provider in providers.items()} | {"refused": _refusing(stack)}
        settings = _settings(directory, authority.file, urls)
        sidecar = stack.enter_context(RunningSidecar(settings))
        yield Stage(sidecar, providers, directory / "usage.sqlite")


def _refusing(stack: ExitStack) -> str:
    """A port that is taken, so that nobody else gets it, and not listened on."""
    taken = stack.enter_context(socket.socket())
    taken.bind(("127.0.0.1", 0))
    return f"https://localhost:{taken.getsockname()[1]}/v1"


def _settings(directory: Path, trusted: Path, urls: Mapping[str, str]) -> Settings:
    (directory / "key").write_text(PROVIDER_KEY)
    key = {"file": directory / "key"}
    document: dict[str, Any] = {
        "listen": {"reverse": "127.0.0.1:0", "certificates": directory / "certificates"},
        "provider": {
            "zero_data_retention": "attested",
            "trusted_ca": trusted,
            "regions": {REGIONS[kind]: {"url": url, "api_key": key} for kind, url in urls.items()},
            "allowed_regions": [REGIONS[kind] for kind in urls],
            "timeouts": {"connect": 10.0, "read": 3.0},
            "pool": {"idle_seconds": 0},  # most rows close a connection that says nothing of it
        },
        "models": {
            "extra": [
                {
                    "rid": f"{MODEL}-at-{kind}",
                    "provider_model": "gpt-5.2",
                    "regions": [region],
                    "apis": [api.name for api in APIS],
                }
                for kind, region in REGIONS.items()
            ]
        },
        "caller": {"verifier": "development"},
        "limits": {"user": {"default": {"tokens_per_minute": 1_000_000, "requests_per_minute": 1000}}},
        "usage": {"ledger": directory / "usage.sqlite"},
    }
    return Settings(**document)


def play_all(stage: Stage, ways: Mapping[str, Callable[[Stage, str, Row], Seen]]) -> dict[tuple[str, str], Seen]:
    """What each way of calling saw of each row."""
    jobs = [(way, name) for name in ROWS for way in ways]
    with ThreadPoolExecutor(AT_ONCE) as callers:
        seen = callers.map(lambda job: ways[job[0]](stage, job[1], ROWS[job[1]]), jobs)
        return dict(zip(jobs, seen, strict=True))


def by_wire(stage: Stage, name: str, row: Row, caller: str = "wire") -> Seen:
    named = [(NAME, f"{name} {caller}"), ("Authorization", f"Bearer {token_of(f'{name} {caller}')}")]
    (path,) = (api.path for api in APIS if api.name == row.api)
    asked = request_bytes(body_of(row), target=f"{BASE}{path}", headers=[*named, ("Connection", "close")])
    answer = b""
    with socket.create_connection(("127.0.0.1", stage.sidecar.port), 60) as connection:
        connection.sendall(asked)
        while piece := connection.recv(65536):
            answer += piece
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=10_000_000)
    http.send(h11.Request(method="POST", target="/", headers=[("Host", "localhost"), ("Connection", "close")]))
    http.send(h11.EndOfMessage())
    http.receive_data(answer)
    http.receive_data(b"")
    status, body = None, b""
    try:
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif not isinstance(event, h11.Event):
                return Seen(status, None, whole=False)
    except h11.RemoteProtocolError:
        return Seen(status, _code(body), whole=False)
    return Seen(status, _code(body))


def _code(body: bytes) -> str | None:
    """Of an error that is the answer, or in the last event of a stream."""
    document = body.rpartition(b"data: ")[2] or body
    try:
        error = json.loads(document).get("error")
    except ValueError:
        return None
    return error["code"] if error else None


ASKING: Final[Mapping[str, Callable[[openai.OpenAI], Callable[..., Any]]]] = {
    "responses": lambda client: client.responses.create,
    "chat_completions": lambda client: client.chat.completions.create,
    "embeddings": lambda client: client.embeddings.create,
}


@contextmanager
def openai_python(stage: Stage) -> Iterator[Callable[[Stage, str, Row], Seen]]:
    """One openai-python, whose connections all its calls share."""
    with (
        httpx2.Client(trust_env=False) as http,
        openai.OpenAI(
            api_key="each call has its own", base_url=stage.base_url, max_retries=0, http_client=http
        ) as client,
    ):

        def play(_stage: Stage, name: str, row: Row) -> Seen:
            one = client.with_options(api_key=token_of(f"{name} python"))
            try:
                answer = ASKING[row.api](one)(**body_of(row), extra_headers={NAME: f"{name} python"})
                if row.stream:
                    for _ in answer:
                        pass
            except openai.APIStatusError as error:
                return Seen(error.status_code, error.code, type(error).__name__)
            except openai.APIError as error:
                return Seen(200, error.code, type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the SDK lets its JSON parser's and others through
                return Seen(200, None, type(error).__name__)
            return Seen(200, None)

        yield play


def by_node(stage: Stage, names: Sequence[str]) -> dict[str, Seen]:
    """One process of openai-node plays all these rows."""
    jobs = [
        {
            "name": f"{name} node",
            "token": token_of(f"{name} node"),
            "api": ROWS[name].api,
            "body": body_of(ROWS[name]),
        }
        for name in names
    ]
    done = subprocess.run(
        [NODE, "node/many.mjs"],
        check=True, cwd=CLIENTS, env={"BASE_URL": stage.base_url, "HEADER": NAME}, input=json.dumps(jobs),
        capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    found = json.loads(done.stdout)
    return {name: Seen(**found[f"{name} node"]) for name in names}
