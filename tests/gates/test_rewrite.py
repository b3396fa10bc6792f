import json
from typing import Any

import pytest

from addons.bodies.verdict import ABSENT, Verdict
from addons.call import Call, Headers, Outbound
from addons.gates.body import LARGE
from addons.gates.rewrite import MAX_FORWARDED, Endpoint, Rewrite
from tests.gates.calls import GPT, call, through

EU = Endpoint("https://eu.example:8443/v1/", (("OpenAI-Project", "proj_1"),))
US = Endpoint("https://us.example/v1")
GATE = Rewrite({"eu": EU, "us": US})
BODY = b'{ "model": "a RID", "input": "caf\\u00e9", "user": "me", "store": true }'


def judged(headers: Headers | None = None, **more: Any) -> Call:
    verdict = Verdict((), (), (), {"store": False, "user": ABSENT})
    filled = {"region": "eu", "model": GPT, "verdict": verdict, "body": BODY, "document": json.loads(BODY), **more}
    return call(headers, **filled)


def leaving(asked: Call) -> Outbound:
    outbound = through(GATE, asked).outbound
    assert outbound
    return outbound


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ("eu", ("eu.example", 8443, "/v1/responses", "eu.example:8443")),
        ("us", ("us.example", 443, "/v1/responses", "us.example")),
    ],
)
def test_the_regions_own_endpoint(region: str, place: tuple[str, int, str, str]) -> None:
    outbound = leaving(judged(region=region))
    headers = dict(outbound.headers)
    assert (outbound.host, outbound.port, outbound.path, headers["Host"]) == place
    assert outbound.region == region
    assert headers.get("OpenAI-Project") == ("proj_1" if region == "eu" else None)


def test_a_region_without_an_endpoint_is_a_fault() -> None:
    with pytest.raises(KeyError):
        leaving(judged(region="jp"))


@pytest.mark.parametrize(("region", "model"), [("eu", "gpt-5.2-2025-12-11"), ("us", "gpt-5.2")])
@pytest.mark.parametrize("padding", [0, LARGE])
def test_changed_members_are_spliced_into_the_callers_bytes(region: str, model: str, padding: int) -> None:
    row = GPT.model_copy(update={"snapshot": {"eu": "gpt-5.2-2025-12-11"}})
    body = BODY.replace(b"caf", b"caf" + b"e" * padding)
    expected = body.replace(b"a RID", model.encode()).replace(b' "user": "me",', b"").replace(b"true", b"false")
    assert leaving(judged(region=region, model=row, body=body)).body == expected


@pytest.mark.parametrize(
    ("sent", "forwarded"),
    [
        ({"idempotency-key": ("k-1",)}, {"idempotency-key": "k-1"}),
        ({"x-client-request-id": ("c-1",)}, {"x-client-request-id": "c-1"}),
        ({"idempotency-key": ("x" * MAX_FORWARDED,)}, {"idempotency-key": "x" * MAX_FORWARDED}),
        ({"idempotency-key": ("x" * (MAX_FORWARDED + 1),)}, {}),
        ({"idempotency-key": ("caf\u00e9",)}, {}),
        ({"idempotency-key": ("a\tb",)}, {}),
        ({"idempotency-key": ("",)}, {}),
        (
            dict.fromkeys(
                ("attribution", "traceparent", "cookie", "x-forwarded-for", "openai-organization", "x-stainless-lang",
                 "user-agent", "x-palantir-session-id", "accept-language", "host", "content-encoding"), ("x",)
            ),
            {},
        ),
    ],
    ids=range(8),
)  # fmt: skip
def test_of_the_callers_headers_two_travel(sent: dict[str, tuple[str, ...]], forwarded: dict[str, str]) -> None:
    ours = {"Host", "Content-Type", "Accept", "Accept-Encoding", "User-Agent", "OpenAI-Project"}
    headers = dict(leaving(judged(sent)).headers)
    assert {name: value for name, value in headers.items() if name not in ours} == forwarded
    assert headers.keys() >= ours
    assert headers["Host"] == "eu.example:8443"
    assert headers["User-Agent"] == "foundry-sidecar"


@pytest.mark.parametrize(
    ("stream", "accept"), [(True, "text/event-stream"), (False, "application/json"), (None, "application/json")]
)
def test_what_is_accepted(stream: bool | None, accept: str) -> None:
    assert dict(leaving(judged(document={**json.loads(BODY), "stream": stream})).headers)["Accept"] == accept
