"""A call to one of Foundry's other paths, as Foundry will see it."""

import pytest

from addons.call import Call, OtherPath
from addons.foundry.caller import token_hash
from addons.gates.forward import forward
from tests.gates.calls import call, refused_by, through

HOST = "acme.palantirfoundry.com"
OURS = (("Host", HOST), ("Via", "1.1 foundry-sidecar"))


def asked(**filled: object) -> Call:
    made = {"other_path": OtherPath(HOST, "/api/v2/ontologies"), "target": "//api/v2/ontologies", "method": "GET"}
    headers = filled.pop("headers", {"host": (HOST,)})
    return call(headers, **{**made, **filled})  # type: ignore[arg-type]  # of the kind a Call takes


def test_what_leaves() -> None:
    out = through(forward, asked(target="//api/v2/ontologies?a=%20&b", wire_body=b"x", method="PUT")).outbound
    assert out
    assert (out.method, out.host, out.port, out.path) == ("PUT", HOST, 443, "/api/v2/ontologies?a=%20&b")
    assert (out.region, out.body, out.headers) == (None, b"x", OURS)


def test_a_path_without_a_query_leaves_without_one() -> None:
    out = through(forward, asked()).outbound
    assert out
    assert out.path == "/api/v2/ontologies"


@pytest.mark.parametrize(
    ("headers", "travel"),
    [
        ({"accept": ("a", "b"), "x-own": ("\tcaf\xe9",)}, [("accept", "a"), ("accept", "b"), ("x-own", "\tcaf\xe9")]),
        ({"content-type": ("text/csv",)}, [("content-type", "text/csv")]),
        ({"content-encoding": ("gzip",)}, [("content-encoding", "gzip")]),
        ({"traceparent": ("00-1",), "attribution": ("ri.a",)}, [("traceparent", "00-1"), ("attribution", "ri.a")]),
        ({"connection": ("close, X-A", "x-b"), "x-a": ("1",), "x-b": ("2",), "x-c": ("3",)}, [("x-c", "3")]),
        ({"keep-alive": ("1",), "te": ("trailers",), "trailer": ("x",), "transfer-encoding": ("chunked",)}, []),
        ({"upgrade": ("h2c",), "expect": ("100-continue",), "content-length": ("9",)}, []),
        ({"proxy-connection": ("close",), "proxy-authorization": ("x",), "proxy-own": ("x",)}, []),
        ({"x-original-url": ("/api/v2/llm/proxy/x",), "x-rewrite-url": ("/api/v2/llm/proxy/x",)}, []),
        ({"x-original-host": ("evil",), "x-override-url": ("/api/v2/llm",), "x_original_url": ("/api/v2/llm",)}, []),
        ({"x-http-method-override": ("TRACE",), "x-http-method": ("PUT",), "x-method-override": ("PUT",)}, []),
        ({"x_http_method_override": ("PUT",), "x_forwarded_for": ("1",), "content_length": ("9",)}, []),
        ({"x-http": ("1",), "x_own": ("2",)}, [("x-http", "1"), ("x_own", "2")]),
        ({"forwarded": ("for=1",), "via": ("1.1 other",), "x-forwarded-for": ("1",), "x-real-ip": ("1",)}, []),
    ],
)  # fmt: skip
def test_headers(headers: dict[str, tuple[str, ...]], travel: list[tuple[str, str]]) -> None:
    out = through(forward, asked(headers={"host": (HOST,), **headers})).outbound
    assert out
    assert out.headers == (OURS[0], *travel, OURS[1])


@pytest.mark.parametrize(
    ("headers", "credentials", "query"),
    [
        ({"x-own": ("a\r\nb",)}, {}, ""),
        ({"x-own": ("a\x00",)}, {}, ""),
        ({"x-own": ("a\u0141",)}, {}, ""),
        ({"via": ("1.1 a, 1.1 foundry-sidecar",)}, {}, ""),
        ({}, {"authorization": ("Bearer a", "Bearer b")}, ""),
        ({}, {"authorization": ("Bearer a\rb",)}, ""),
        ({}, {"cookie": ("a\nb",)}, ""),
        ({}, {}, "?a b"),
    ],
)
def test_refused(headers: dict[str, tuple[str, ...]], credentials: dict[str, tuple[str, ...]], query: str) -> None:
    each = asked(headers={"host": (HOST,), **headers}, credentials=credentials, target="/api/v2/ontologies" + query)
    assert refused_by(forward, each).name == "bad_target"
    assert each.outbound is None


@pytest.mark.parametrize("how", ["held", "edited", "resent"])
def test_what_a_person_had_in_hand_stays_here(how: str) -> None:
    each = asked(by_hand=[how], credentials={"authorization": ("Bearer the-token",)})
    assert refused_by(forward, each).name == "stopped_by_hand"
    assert each.outbound is None


@pytest.mark.parametrize(
    ("given", "prefix"),
    [("Bearer the-token", token_hash("the-token")[:12]), ("bearer  the-token", token_hash("the-token")[:12]),
     ("Basic abc", None), ("Bearer not one", None)],
)  # fmt: skip
def test_the_callers_credentials_wait(given: str, prefix: str | None) -> None:
    credentials = {"authorization": (given,), "cookie": ("a=1", "b=2"), "proxy-authorization": ("Basic x",)}
    each = through(forward, asked(credentials=credentials))
    assert each.credentials == {"authorization": (given,), "cookie": ("a=1", "b=2"), "proxy-authorization": ()}
    assert each.token_prefix == prefix
    assert given not in repr(each)
