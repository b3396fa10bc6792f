"""What of the Checkpoint needs no proxy; the rest is in tests/proxy."""

import json

import pytest
from mitmproxy.http import Headers
from mitmproxy.test import tflow, tutils

from addons.checkpoint import SECRET_HEADERS, _open, response_of
from addons.foundry.refusals import KINDS, Refusal


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("error_format", ["hybrid", "foundry", "openai"])
def test_every_refusal_can_be_said(name: str, error_format: str) -> None:
    refusal = Refusal(name, "what is wrong", headers={"Retry-After": "1"})
    response = response_of(refusal, error_format)  # type: ignore[arg-type]  # one of the three
    assert response.status_code == refusal.kind.status
    assert response.headers["x-request-id"] == refusal.instance_id
    assert response.headers["retry-after"] == "1"
    assert response.headers["content-length"] == str(len(response.raw_content or b""))
    if refusal.kind.empty:
        assert response.raw_content == b""
    else:
        assert "what is wrong" in json.dumps(json.loads(response.raw_content or b""))


def test_secret_headers_leave_the_flow_as_the_call_opens() -> None:
    secrets = [(name.title().encode(), f"secret {name}".encode()) for name in SECRET_HEADERS]
    kept = [(b"Host", b"localhost"), (b"X", b"1"), (b"x", b"2"), (b"Authorization", b"secret more")]
    flow = tflow.tflow(req=tutils.treq(headers=Headers([*secrets, *kept]), authority=b""))
    call = _open(flow)
    assert call.credentials == {
        name: (f"secret {name}", *(["secret more"] if name == "authorization" else [])) for name in SECRET_HEADERS
    }
    assert call.headers == {"host": ("localhost",), "x": ("1", "2")}
    assert [name for name, _ in flow.request.headers.fields] == [b"Host", b"X", b"x"]
    assert "secret" not in repr(call)


def test_what_the_route_is_judged_by() -> None:
    flow = tflow.tflow(
        req=tutils.treq(method=b"PUT", path=b"//p;x?q", authority=b"elsewhere.example", headers=Headers())
    )
    flow.client_conn.sni = "a.example"
    call = _open(flow)
    assert (call.method, call.target, call.authority, call.server_name) == (
        "PUT",
        "//p;x?q",
        "elsewhere.example",
        "a.example",
    )
