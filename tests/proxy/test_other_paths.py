"""Foundry's other paths, passed on where the operator says so: what leaves, for where alone, and what comes back."""

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from addons.cassettes.cassette import read
from addons.cassettes.cassette_writer import CassetteWriter
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PATH, PROVIDER_KEY, SettingsMaker
from tests.foundry_server import FOUNDRY, MINTED, UNKNOWN, FoundryServer
from tests.proxy.client import HELLO, TOKEN, Reply, read_reply, request_bytes, send
from tests.proxy.running import RunningSidecar
from tests.proxy.test_explicit import LISTENS_ON, connected, open_tunnel, through_tls
from tests.proxy.test_ledger import rows
from tests.records import Records

ONTOLOGIES = "/api/v2/ontologies"


type Sections = Callable[..., dict[str, Any]]


@pytest.fixture
def sections(foundry: FoundryServer) -> Sections:
    """Settings by which other paths go to the stand-in; keyword arguments are added to the section ``foundry``."""

    def make(**more: Any) -> dict[str, Any]:
        own = {"hostnames": [FOUNDRY], "other_paths": "forward", "addresses": {FOUNDRY: foundry.address}}
        return {"foundry": {**own, **more}, "listen": {"proxy": f"{LISTENS_ON}:0"}}

    return make


@pytest.fixture
def sidecar(make_settings: SettingsMaker, sections: Sections, records: Records) -> Iterator[RunningSidecar]:
    with RunningSidecar(make_settings(**sections())) as running:
        records.clear()
        yield running


def ask(sidecar: RunningSidecar, target: str, body: bytes = b"", *, method: str = "GET", **more: Any) -> Reply:
    """Over the reverse listener, as a caller whose $HOSTNAME leads to the sidecar."""
    request = request_bytes(body, method=method, target=target, host=FOUNDRY, **more)
    with socket.create_connection(("127.0.0.1", sidecar.port), 30) as connection:
        connection.sendall(request)
        return read_reply(connection, method)


@pytest.mark.parametrize(
    ("method", "target", "body", "arrives"),
    [
        ("GET", ONTOLOGIES, b"", ONTOLOGIES),
        ("GET", f"/{ONTOLOGIES}?preview=true&q=%C3%A4", b"", f"{ONTOLOGIES}?preview=true&q=%C3%A4"),
        ("HEAD", ONTOLOGIES, b"", ONTOLOGIES),
        ("POST", "/api/v2/%6fntologies", b'{"a": 1}', ONTOLOGIES),
        ("PUT", "/file", b"\x00\xff" * 300_000, "/file"),
        ("PATCH", "/x/", b"{", "/x/"),
        ("DELETE", "/x?force", b"", "/x?force"),
        ("OPTIONS", "/x", b"", "/x"),
    ],
)
def test_it_arrives_as_it_was_sent(
    sidecar: RunningSidecar,
    foundry: FoundryServer,
    provider: SimulatedProvider,
    records: Records,
    method: str,
    target: str,
    body: bytes,
    arrives: str,
) -> None:
    headers = [
        ("Accept", "a"),
        ("X-Own", "caf\xe9"),
        ("Cookie", "session=1"),
        ("Content-Type", "text/csv"),
        ("Idempotency-Key", "k-1"),
    ]
    reply = ask(sidecar, target, body, method=method, headers=headers)
    (seen,) = foundry.calls
    assert (seen.method, seen.target, seen.body) == (method, arrives, body)
    assert seen.header("authorization") == [f"Bearer {TOKEN}"]
    assert seen.header("host") == [FOUNDRY]
    assert {(name.lower(), value) for name, value in seen.headers} == {
        *((name.lower(), value) for name, value in headers),
        ("authorization", f"Bearer {TOKEN}"),
        ("host", FOUNDRY),
        ("via", "1.1 foundry-sidecar"),
        ("content-length", str(len(body))),
    }
    (record,) = records.wait()
    assert record["call.outcome"] == "served"
    assert record["http.response.status_code"] == reply.status
    assert (record["foundry.other_path"], record["http.request.method"]) == (True, method)
    assert record["url.path"] == arrives.partition("?")[0]
    assert record["server.address"] == FOUNDRY
    assert not [name for name in record if name.startswith(("gen_ai", "usage", "openai"))]
    assert "preview" not in records.everything()
    assert provider.dialled == 0


def test_through_the_explicit_proxy(
    sidecar: RunningSidecar, foundry: FoundryServer, provider: SimulatedProvider, certificates: Path
) -> None:
    with connected(sidecar) as connection:
        assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
        reply = through_tls(
            connection, certificates, FOUNDRY, request_bytes(b"", method="GET", target=ONTOLOGIES, host=FOUNDRY)
        )
    assert (reply.status, reply.json["data"][0]["apiName"]) == (200, "a")
    with connected(sidecar) as connection:
        assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
        reply = through_tls(connection, certificates, FOUNDRY, request_bytes(host=FOUNDRY))
    assert reply.status == 200
    (seen,) = foundry.calls
    assert seen.header("authorization") == [f"Bearer {TOKEN}"]
    (call,) = provider.calls
    assert dict(call.headers)["Authorization"] == f"Bearer {PROVIDER_KEY}"


@pytest.mark.parametrize("credentials", [[], [("Authorization", "Basic YTpi")], [("X-Api-Key", "own")]])
def test_the_callers_own_credentials_and_no_others(
    sidecar: RunningSidecar, foundry: FoundryServer, credentials: list[tuple[str, str]]
) -> None:
    ask(sidecar, ONTOLOGIES, headers=credentials, without=["authorization"])
    (seen,) = foundry.calls
    secret = [(name, value) for name, value in seen.headers if name in {"Authorization", "X-Api-Key", "Cookie"}]
    assert secret == credentials


def test_one_connection_serves_many_calls(sidecar: RunningSidecar, foundry: FoundryServer) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port), 30) as connection:
        for target in (ONTOLOGIES, "/file", "/moved", ONTOLOGIES):
            connection.sendall(request_bytes(b"", method="GET", target=target, host=FOUNDRY))
            read_reply(connection)
    assert len(foundry.calls) == 4
    assert foundry.dialled == 1


MODELS = [
    # target, status
    (PATH + "/resp_1", 404),
    (PATH + "/compact", 404),
    (PATH[:-1] + "%73", 404),
    (PATH.upper(), 404),
    ("/api/v2/llm/proxy/openai/v1/completions", 404),
    ("//api//v2//llm//proxy//openai/v1/completions?a=b", 404),
    ("/api/v2/LLM/Proxy/openai/v1/completions", 404),
    ("/api/v2/%6c%6c%6d/proxy/anthropic/v1/messages", 404),
    ("/api/v2/llm/proxy/anthropic/v1/messages", 404),
    ("/api/v2/llm/proxy/xai/v1/completions", 404),
    ("/api/v3/llm/proxy/openai/v1/responses", 404),
    ("/api/v2/llm", 404),
    ("/api/v2/%EF%BD%8C%EF%BD%8C%EF%BD%8D/proxy/x", 404),
    ("/api/v2/ontologies/../llm/proxy/openai/v1/completions", 400),
    ("/api/v2/./llm/proxy/openai/v1/completions", 400),
    ("/api/v2/llm%2fproxy/openai/v1/completions", 400),
    ("/api/v2/x%2f..%2fllm/proxy/openai/v1/completions", 400),
    ("/api/v2/%2e%2e/v2/llm/proxy/x", 400),
    ("/api/v2/%256c%256c%256d/proxy/x", 400),
    ("/api/v2/llm;a=b/proxy/x", 400),
    ("/api/v2\\llm/proxy/x", 400),
    (f"https://{FOUNDRY}/api/v2/ontologies", 400),
    (f"https://api.openai.com{ONTOLOGIES}", 400),
]


@pytest.mark.parametrize(("target", "status"), MODELS)
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("tunnel", [False, True], ids=["reverse", "explicit"])
def test_paths_to_models_are_never_passed_on(
    sidecar: RunningSidecar,
    foundry: FoundryServer,
    provider: SimulatedProvider,
    certificates: Path,
    target: str,
    status: int,
    method: str,
    tunnel: bool,
) -> None:
    if tunnel:
        with connected(sidecar) as connection:
            assert open_tunnel(connection, f"{FOUNDRY}:443") == 200
            request = request_bytes(HELLO, method=method, target=target, host=FOUNDRY)
            reply = through_tls(connection, certificates, FOUNDRY, request)
    else:
        reply = ask(sidecar, target, json.dumps(HELLO).encode(), method=method)
    assert reply.status == status
    assert (foundry.dialled, provider.dialled) == (0, 0)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"headers": [("Host", "localhost")]}, 404),
        ({"headers": [("Host", "api.openai.com")]}, 404),
        ({"headers": [("Host", f"{FOUNDRY}..")]}, 404),
        ({"headers": [("Host", FOUNDRY), ("Host", FOUNDRY)]}, 400),
        ({"headers": [("Upgrade", "websocket"), ("Connection", "Upgrade")]}, 426),
        ({"headers": [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]}, 400),
        ({"headers": [("Via", "1.1 foundry-sidecar")]}, 400),
        ({"method": "TRACE"}, 405),
        ({"method": "PROPFIND"}, 405),
    ],
)
def test_what_is_not_passed_on(
    sidecar: RunningSidecar,
    foundry: FoundryServer,
    provider: SimulatedProvider,
    records: Records,
    more: dict[str, Any],
    status: int,
) -> None:
    assert ask(sidecar, ONTOLOGIES, **more).status == status
    assert (foundry.dialled, provider.dialled) == (0, 0)
    (record,) = records.wait()
    assert record["policy.decision"] == "refused"


def test_a_head_that_is_none_is_not_passed_on(
    sidecar: RunningSidecar, foundry: FoundryServer, records: Records
) -> None:
    assert ask(sidecar, ONTOLOGIES, headers=[("X-Own", "a\x00b")]).status == 400
    assert foundry.dialled == 0
    records.wait("head_refused")


def test_a_body_over_the_cap_is_not_passed_on(
    make_settings: SettingsMaker, sections: Sections, foundry: FoundryServer, records: Records
) -> None:
    settings = make_settings(**sections(), policy={"max_body_bytes": 1000})
    with RunningSidecar(settings) as sidecar:
        assert ask(sidecar, "/file", b"x" * 1001, method="PUT").status == 413
        chunked = [("Transfer-Encoding", "chunked")]
        body = b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
        assert ask(sidecar, "/file", body, method="PUT", headers=chunked, without=["content-length"]).status == 413
        assert foundry.dialled == 0
        assert ask(sidecar, "/x", b"x" * 1000, method="PUT").status == 404
        assert ask(sidecar, "/file").status == 200  # it bounds no answers


def test_other_paths_count_among_the_calls_under_way(
    make_settings: SettingsMaker, sections: Sections, foundry: FoundryServer, records: Records
) -> None:
    settings = make_settings(
        **sections(), limits={"concurrency": {"total": 1}, "user": {"default": {"requests_per_minute": 0}}}
    )
    with RunningSidecar(settings) as sidecar:
        request = request_bytes(b"", method="GET", target="/waits", host=FOUNDRY)
        with socket.create_connection(("127.0.0.1", sidecar.port), 30) as connection:
            connection.sendall(request)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
            assert ask(sidecar, ONTOLOGIES).status == 429
            foundry.released.set()
        records.wait(count=2)
        assert ask(sidecar, ONTOLOGIES).status == 200  # no limit of requests a minute is theirs


def test_they_are_counted_by_themselves(
    make_settings: SettingsMaker, sections: Sections, foundry: FoundryServer, records: Records, tmp_path: Path
) -> None:
    """Their usage is not of models: no row in the ledger, no token, and a metric of their own."""
    listen = {"admin": "127.0.0.1:0"}
    ledger = tmp_path / "usage.sqlite"
    settings = make_settings(foundry=sections()["foundry"], listen=listen, usage={"ledger": ledger})
    with RunningSidecar(settings) as sidecar:
        ask(sidecar, "/cut")  # first: on a connection that was used before it might have been closed for its age
        ask(sidecar, ONTOLOGIES)
        assert send(sidecar.port, request_bytes(host=FOUNDRY)).status == 200
        records.wait(count=3)
        exposed = sidecar.part("sidecar-telemetry").exposition()[1].decode()
    (row,) = rows(ledger)
    assert row["model"] == MODEL
    counted = dict(re.findall(r"^(foundry_sidecar_(?:calls|other_paths)_total{.*}) ([\d.]+)$", exposed, re.MULTILINE))
    assert [name for name in counted if "_calls_" in name and 'outcome="served"' in name] == [
        name for name in counted if "_calls_" in name
    ]
    others = sorted(name for name in counted if "_other_paths_" in name)
    assert len(others) == 2
    assert all(
        label in others[0] for label in ('outcome="provider_error"', 'error_type="foundry_failed"', 'status="500"')
    )
    assert all(label in others[1] for label in ('outcome="served"', 'decision="allowed"', 'status="200"'))


def test_they_are_in_no_cassette(
    make_settings: SettingsMaker, sections: Sections, foundry: FoundryServer, records: Records, tmp_path: Path
) -> None:
    path = tmp_path / "calls.jsonl"
    with RunningSidecar(make_settings(foundry=sections()["foundry"]), cassette=CassetteWriter(path, "kept")) as sidecar:
        ask(sidecar, "/multipass/api/oauth2/token", b"{}", method="POST")
        assert send(sidecar.port, request_bytes(host=FOUNDRY)).status == 200
        records.wait(count=2)
    assert len(read(path).calls) == 1
    assert MINTED not in path.read_text()


# what comes back


@pytest.mark.parametrize(
    ("target", "method", "status", "headers", "body"),
    [
        ("/moved", "GET", 307, {"location": "https://elsewhere.example.invalid/x"}, b"{}"),
        ("/nothing", "DELETE", 204, {}, b""),
        ("/unchanged", "GET", 304, {"etag": '"1"'}, b""),
        ("/file", "HEAD", 200, {"content-length": "76800"}, b""),
        ("/wrong", "GET", 500, {}, b"Foundry's own fault"),
        ("/unauthorized", "GET", 401, {"www-authenticate": "Bearer"}, b'{"errorCode": "UNAUTHORIZED"}'),
        ("/coded", "GET", 200, {"content-encoding": "gzip"}, b"\x1f\x8bnot gzip"),
        ("/unheard/of", "GET", 404, {}, UNKNOWN.body),
        ("/hints", "GET", 200, {"x-own": "1"}, b"{}"),
    ],
)
def test_answers_pass_as_they_come(
    sidecar: RunningSidecar,
    foundry: FoundryServer,
    records: Records,
    target: str,
    method: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
) -> None:
    reply = ask(sidecar, target, method=method)
    assert (reply.status, reply.body) == (status, body)
    assert headers.items() <= reply.headers.items()
    assert not reply.headers.keys() & {"set-cookie", "alt-svc", "keep-alive", "proxy-authenticate", "upgrade"}
    assert len(foundry.calls) == foundry.dialled == 1, "no redirect is followed"
    (record,) = records.wait()
    assert (record["policy.decision"], record["call.outcome"]) == ("allowed", "served")
    assert record["http.response.status_code"] == status


def test_a_stream_passes_while_it_runs(sidecar: RunningSidecar, foundry: FoundryServer) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as connection:
        connection.sendall(request_bytes(b"", method="GET", target="/stream", host=FOUNDRY))
        came = b""
        while b"data: 1" not in came:
            came += connection.recv(1000)
        assert b"data: 2" not in came
        foundry.released.set()
        while b"data: 2\n\n\r\n0\r\n\r\n" not in came:
            came += connection.recv(1000)


@pytest.mark.parametrize(
    ("target", "status", "code", "refusal"),
    [
        ("/switch", 500, "upstream_error", "foundry_failed"),
        ("/cut", 500, "upstream_error", "foundry_failed"),
    ],
)
def test_an_answer_that_is_none(
    sidecar: RunningSidecar, records: Records, target: str, status: int, code: str, refusal: str
) -> None:
    reply = ask(sidecar, target)
    assert (reply.status, reply.code) == (status, code)
    (record,) = records.wait()
    assert (record["call.outcome"], record["error.type"]) == ("provider_error", refusal)


def test_an_answer_that_breaks_off(sidecar: RunningSidecar, foundry: FoundryServer, records: Records) -> None:
    foundry.released.set()
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as connection:
        connection.sendall(request_bytes(b"", method="GET", target="/broken", host=FOUNDRY))
        came = b""
        while piece := connection.recv(1000):
            came += piece
    assert came.endswith(b"4\r\nhalf\r\n")  # and no end
    (record,) = records.wait()
    assert (record["policy.decision"], record["call.outcome"]) == ("allowed", "truncated")


def test_silence_ends_in_time(
    make_settings: SettingsMaker, sections: Sections, foundry: FoundryServer, records: Records
) -> None:
    provider = make_settings().provider.model_dump() | {"timeouts": {"read": 0.5}}
    with RunningSidecar(make_settings(**sections(), provider=provider)) as sidecar:
        with socket.create_connection(("127.0.0.1", sidecar.port), 20) as connection:
            connection.sendall(request_bytes(b"", method="GET", target="/waits", host=FOUNDRY))
            while connection.recv(1000):
                pass
        (record,) = records.wait()
        assert record["call.outcome"] == "timed_out"


# where it goes


def test_a_certificate_of_another_name_is_not_talked_to(
    make_settings: SettingsMaker, provider: SimulatedProvider, sections: Sections, records: Records
) -> None:
    with FoundryServer(provider.ca_file.parent, ["another.palantirfoundry.invalid", "127.0.0.1"]) as another:
        settings = make_settings(**sections(addresses={FOUNDRY: another.address}))
        with RunningSidecar(settings) as sidecar:
            reply = ask(sidecar, ONTOLOGIES)
        assert (reply.status, reply.code) == (503, "upstream_unreachable")
        assert another.calls == []


@pytest.mark.parametrize(
    ("name", "status", "code", "refusal"),
    [
        ("home.palantirfoundry.invalid", 403, "host_not_allowed", "host_refused"),
        ("metadata.palantirfoundry.invalid", 403, "host_not_allowed", "host_refused"),
        ("both.palantirfoundry.invalid", 403, "host_not_allowed", "host_refused"),
        (FOUNDRY, 503, "upstream_unreachable", "foundry_unreachable"),
    ],
)
def test_where_a_name_leads_is_looked_at(
    make_settings: SettingsMaker, records: Records, names: None, name: str, status: int, code: str, refusal: str
) -> None:
    settings = make_settings(foundry={"hostnames": [name], "other_paths": "forward"})
    with RunningSidecar(settings) as sidecar:
        reply = send(sidecar.port, request_bytes(b"", method="GET", target=ONTOLOGIES, host=name))
    assert (reply.status, reply.code) == (status, code)
    (record,) = records.wait()
    assert (record["call.outcome"], record["error.type"]) == ("refused", refusal)
    assert records.of("fault") == []


def test_one_client_may_use_both(
    sidecar: RunningSidecar, foundry: FoundryServer, provider: SimulatedProvider, records: Records
) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port), 30) as connection:
        for _ in range(2):
            connection.sendall(request_bytes(b"", method="GET", target=ONTOLOGIES, host=FOUNDRY))
            assert read_reply(connection).status == 200
            connection.sendall(request_bytes(host=FOUNDRY))
            assert read_reply(connection).status == 200
    assert [call.header("authorization") for call in foundry.calls] == [[f"Bearer {TOKEN}"]] * 2
    assert [dict(call.headers)["Authorization"] for call in provider.calls] == [f"Bearer {PROVIDER_KEY}"] * 2
    assert PROVIDER_KEY not in repr(foundry.calls)
    assert TOKEN not in repr([(call.headers, call.body) for call in provider.calls])
    kinds = [record.get("foundry.other_path", False) for record in records.wait(count=4)]
    assert kinds == [True, False, True, False]


def test_a_connection_to_one_name_is_not_used_for_another(
    make_settings: SettingsMaker, sections: Sections, foundry: FoundryServer, records: Records
) -> None:
    """Both at one address; but the certificate was that of the first."""
    other = "other.palantirfoundry.invalid"
    addresses = {FOUNDRY: foundry.address, other: foundry.address}
    with (
        RunningSidecar(make_settings(**sections(hostnames=[FOUNDRY, other], addresses=addresses))) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 30) as connection,
    ):
        connection.sendall(request_bytes(b"", method="GET", target=ONTOLOGIES, host=FOUNDRY))
        assert read_reply(connection).status == 200
        connection.sendall(request_bytes(b"", method="GET", target=ONTOLOGIES, host=other))
        assert read_reply(connection).status == 503
    assert len(foundry.calls) == 1
    assert foundry.dialled == 2


def test_a_token_that_foundry_mints_reaches_the_caller(sidecar: RunningSidecar, records: Records) -> None:
    secret = b"grant_type=client_credentials&client_id=a&client_secret=of-the-client"
    reply = ask(sidecar, "/multipass/api/oauth2/token", secret, method="POST", without=["authorization"])
    assert reply.json["access_token"] == MINTED
    assert "of-the-client" not in records.everything()
    assert MODEL not in repr(records.wait())
