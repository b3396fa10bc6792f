import hmac
import json
from typing import Any

import pytest

from addons.bodies.verdict import ABSENT, Verdict
from addons.call import Call, Headers, Outbound
from addons.foundry.caller import Caller
from addons.foundry.request_headers import FORWARDED, HASHED
from addons.gates.body import LARGE
from addons.gates.rewrite import MAX_FORWARDED, RegionEndpoint, Rewrite
from tests.gates.calls import GPT, SOMEONE, call, through

EU = RegionEndpoint("https://eu.example:8443/v1/", (("OpenAI-Project", "proj_1"),))
US = RegionEndpoint("https://us.example/v1")
GATE = Rewrite({"eu": EU, "us": US})
BODY = b'{ "model": "a RID", "input": "caf\\u00e9", "user": "me", "store": true }'


def judged(headers: Headers | None = None, **more: Any) -> Call:
    verdict = Verdict((), (), (), {"store": False, "user": ABSENT})
    body = {"body": BODY, "document": json.loads(BODY)}
    return call(headers, **{"region": "eu", "model": GPT, "verdict": verdict, "caller": SOMEONE, **body, **more})


def hashed(value: str) -> str:
    return hmac.new(value.encode(), b"someone", "sha256").hexdigest()


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
        ({"x-client-request-id": ("c-1",)}, {"x-client-request-id": "c-1"}),
        ({"x-client-request-id": ("c",)}, {"x-client-request-id": "c"}),
        ({"idempotency-key": ("k-1",)}, {"idempotency-key": hashed("k-1")}),
        ({"idempotency-key": ("x" * MAX_FORWARDED,)}, {"idempotency-key": hashed("x" * MAX_FORWARDED)}),
        *(
            ({name: (value,)}, {})
            for name in (*FORWARDED, *HASHED)
            for value in ("x" * (MAX_FORWARDED + 1), "caf\u00e9", "a\tb", "")
        ),
        (
            dict.fromkeys(
                ("attribution", "traceparent", "cookie", "x-forwarded-for", "openai-organization", "x-stainless-lang",
                 "user-agent", "x-palantir-session-id", "accept-language", "host", "content-encoding"), ("x",)
            ),
            {},
        ),
    ],
    ids=range(13),
)  # fmt: skip
def test_of_the_callers_headers_two_travel(sent: dict[str, tuple[str, ...]], forwarded: dict[str, str]) -> None:
    ours = {"Host", "Content-Type", "Accept", "Accept-Encoding", "User-Agent", "OpenAI-Project"}
    headers = dict(leaving(judged(sent)).headers)
    assert {name: value for name, value in headers.items() if name not in ours} == forwarded
    assert headers.keys() >= ours
    assert headers["Host"] == "eu.example:8443"
    assert headers["User-Agent"] == "foundry-sidecar"


def test_what_is_hashed_is_of_caller_and_value() -> None:
    """None of these is another's, nor what came; cut at another place, name and value are not the same either."""
    sent = [("key", "some"), ("key", "one"), ("key2", "some"), ("keys", "ome"), ("some", "key"), ("x" * 65, "some")]
    left = [
        dict(leaving(judged({name: (value,)}, caller=Caller(subject, frozenset()))).headers)[name]
        for name in HASHED
        for value, subject in sent
    ]
    assert len({*left, *(value for value, _ in sent)}) == len(left) + len({value for value, _ in sent})


@pytest.mark.parametrize(
    ("stream", "accept"), [(True, "text/event-stream"), (False, "application/json"), (None, "application/json")]
)
def test_what_is_accepted(stream: bool | None, accept: str) -> None:
    assert dict(leaving(judged(document={**json.loads(BODY), "stream": stream})).headers)["Accept"] == accept
