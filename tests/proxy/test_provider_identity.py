"""A provider opened by the pod's own identity, through a real proxy: which token leaves, and where it never is."""

from pathlib import Path
from typing import Any

import pytest
from tornado.httputil import HTTPServerRequest

from addons.configuration.settings import Settings
from addons.foundry.caller import SCOPE
from addons.simulator.certificates import Authority
from addons.simulator.provider import SimulatedProvider
from tests.conftest import PROVIDER_KEY, SettingsMaker
from tests.provider_credentials.endpoint import SUBJECT_TOKEN, issued, refused, settings
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.verifiers.background import served
from tests.verifiers.servers import Answer, Reply, always
from tests.verifiers.tokens import RSA, jwk, key_set, signed


def opened_by_identity(make_settings: SettingsMaker, provider: SimulatedProvider, folder: Path, url: str) -> Settings:
    region = {"url": provider.url, "identity": settings(folder, url)}
    return make_settings(provider={"regions": {"global": region}})


def endpoint(folder: Path, answer: Answer) -> Any:
    return served(answer, Authority(folder).server_context(["127.0.0.1"]))


def test_the_exchanged_token_leaves_and_is_seen_nowhere_else(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tmp_path: Path
) -> None:
    with endpoint(tmp_path, always(*issued(PROVIDER_KEY))) as asked:
        given = opened_by_identity(make_settings, provider, tmp_path, asked.url)
        with RunningSidecar(given) as sidecar:
            replies = [post(sidecar.port, {**HELLO, "stream": stream}) for stream in (False, True, False)]
            records.wait(count=3)
        assert len(asked.requests) == 1
    assert [reply.status for reply in replies] == [200, 200, 200]
    for call in provider.calls:
        assert [value for name, value in call.headers if name.lower() == "authorization"] == [f"Bearer {PROVIDER_KEY}"]
    seen = b"".join([*(reply.body for reply in replies), records.everything().encode()])
    for secret in (PROVIDER_KEY, SUBJECT_TOKEN):
        assert secret.encode() not in seen


@pytest.mark.parametrize(
    "reply",
    [refused(400), refused(403, "access_denied"), (500, ""), (302, ""), (200, "<html>"), issued("a\r\nb")],
    ids=["400", "403", "500", "elsewhere", "nonsense", "two lines"],
)
def test_without_a_token_nothing_leaves(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tmp_path: Path, reply: Reply
) -> None:
    with endpoint(tmp_path, always(*reply)) as asked:
        given = opened_by_identity(make_settings, provider, tmp_path, asked.url)
        with RunningSidecar(given) as sidecar:
            answer = post(sidecar.port)
            (record,) = records.wait()
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "service_unavailable", "1")
    assert (provider.dialled, provider.calls) == (0, [])
    assert record["http.response.status_code"] == 503
    (alarm, *_) = records.wait("alarm")
    assert alarm["alarm"] == "provider_identity"
    assert asked.url in alarm["why"]
    assert SUBJECT_TOKEN not in records.everything()


def test_calls_are_served_again_when_the_endpoint_answers_again(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tmp_path: Path
) -> None:
    down = True

    async def answer(_: HTTPServerRequest) -> Reply:
        return (503, "") if down else issued(PROVIDER_KEY)

    with (
        endpoint(tmp_path, answer) as asked,
        RunningSidecar(opened_by_identity(make_settings, provider, tmp_path, asked.url)) as sidecar,
    ):
        assert post(sidecar.port).status == 503
        down = False
        while (reply := post(sidecar.port)).status == 503:  # the test's own time limit ends it
            pass
    assert reply.status == 200


def test_a_pod_without_a_secret(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tmp_path: Path
) -> None:
    """The cluster's keys prove the app, the exchange opens the provider; neither token gets any further."""
    app, others = "system:serviceaccount:apps:app", "system:serviceaccount:apps-2:app"
    tokens: dict[str, Any] = {
        "the app": {"sub": app},
        "another namespace": {"sub": others},
        "another audience": {"sub": app, "aud": ["https://kubernetes.default.svc"]},
    }

    async def answer(request: HTTPServerRequest) -> Reply:
        if request.path == "/openid/v1/jwks":
            shown = request.headers.get("Authorization") == f"Bearer {SUBJECT_TOKEN}"
            return (200, key_set(jwk(RSA))) if shown else (401, "")
        return issued(PROVIDER_KEY)

    with endpoint(tmp_path, answer) as cluster:
        region = {"url": provider.url, "identity": settings(tmp_path, cluster.url)}
        jwt = {
            "issuer": "https://kubernetes.default.svc.cluster.local",
            "audience": "foundry-sidecar",
            "jwks_url": f"{cluster.url}/openid/v1/jwks",
            "credentials": {"file": tmp_path / "token"},
            "trusted_ca": tmp_path / "ca.pem",
            "subjects": {"system:serviceaccount:apps:*": {"scopes": [SCOPE]}},
        }
        given = make_settings(provider={"regions": {"global": region}}, caller={"verifier": "jwt", "jwt": jwt})
        with RunningSidecar(given) as sidecar:
            told = {}
            for name, claims in tokens.items():
                token = signed(**{"iss": jwt["issuer"], "aud": ["foundry-sidecar"], "scope": None} | claims)
                told[name] = post(sidecar.port, headers=[("Authorization", f"Bearer {token}")]).status
                assert token not in records.everything()
    assert told == {"the app": 200, "another namespace": 403, "another audience": 401}
    (call,) = provider.calls
    assert f"Bearer {PROVIDER_KEY}" in dict(call.headers).values()
    assert [record.get("caller") for record in records.wait(count=3)] == [app, others, None]
