"""TokenReview against an API server over TLS that answers what a real one was recorded to answer."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from addons.foundry.caller import SCOPE, Caller
from addons.simulator.certificates import Authority
from addons.verifiers.build import build_verifier
from addons.verifiers.protocol import Verifier
from addons.verifiers.settings import CallerSettings
from tests.verifiers.refusals import run, verdict
from tests.verifiers.servers import Answer, Served, always, serving
from tests.verifiers.tokens import AUDIENCE, signed

UNREACHABLE = "verifier_unreachable"
ACCOUNT = "system:serviceaccount:apps:app"
TOKEN = signed(iss="https://kubernetes.default.svc.cluster.local", sub=ACCOUNT, exp=4_000_000_000)
OWN = "the-sidecars-own-token"

KNOWN: dict[str, Any] = {
    "kind": "TokenReview",
    "apiVersion": "authentication.k8s.io/v1",
    "metadata": {"creationTimestamp": None, "managedFields": []},
    "spec": {"token": TOKEN, "audiences": [AUDIENCE]},
    "status": {
        "authenticated": True,
        "user": {
            "username": ACCOUNT,
            "uid": "6f1c1f0e-1c40-4fd0-9f34-7c62b2fbe6a3",
            "groups": ["system:serviceaccounts", "system:serviceaccounts:apps", "system:authenticated"],
            "extra": {"authentication.kubernetes.io/pod-name": ["app-7c9d"]},
        },
        "audiences": [AUDIENCE],
    },
}
"""What Kubernetes 1.29 and later answer with 201."""

UNKNOWN = KNOWN | {"status": {"user": {}, "error": "[invalid bearer token, service account token has expired]"}}
FORBIDDEN = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}


def said(review: Any = KNOWN, status: int = 201, **changes: Any) -> Answer:
    """`changes` to the status of the review; None takes a member out."""
    if changes:
        told = review["status"] | changes
        review = review | {"status": {name: value for name, value in told.items() if value is not None}}
    return always(status, review if isinstance(review, bytes) else json.dumps(review))


@asynccontextmanager
async def cluster(folder: Path, answer: Answer) -> AsyncIterator[Served]:
    (folder / "own").write_text(OWN)
    async with serving(answer, Authority(folder).server_context(["127.0.0.1"])) as served:
        yield served


def asking(folder: Path, url: str, **own: Any) -> Verifier:
    settings = {
        "audience": AUDIENCE,
        "api": url,
        "credentials": {"file": str(folder / "own")},
        "trusted_ca": str(folder / "ca.pem"),
        "subjects": {"system:serviceaccount:apps:*": {"scopes": [SCOPE]}},
    }
    return build_verifier(CallerSettings.model_validate({"verifier": "kubernetes", "kubernetes": settings | own}))


def test_what_is_asked_and_what_follows(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, said()) as served:
            verifier = asking(tmp_path, served.url)
            for _ in range(3):
                assert await verdict(verifier, TOKEN) == Caller(ACCOUNT, frozenset({SCOPE}), expires_at=4_000_000_000)
            (request,) = served.requests
        assert (request.method, request.path) == ("POST", "/apis/authentication.k8s.io/v1/tokenreviews")
        assert request.headers["Authorization"] == f"Bearer {OWN}"
        assert json.loads(request.body) == {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": TOKEN, "audiences": [AUDIENCE]},
        }

    run(main())


def user(username: Any) -> Answer:
    return said(user={"username": username})


ANSWERS: dict[str, tuple[Answer, str]] = {
    # about the token
    "unknown or over": (said(UNKNOWN), "INVALID"),
    "not authenticated": (said(authenticated=False), "INVALID"),
    "without a word on it": (said(authenticated=None), "INVALID"),
    "for another audience": (said(audiences=["https://kubernetes.default.svc"]), "INVALID"),
    "for the API server's own audience": (said(audiences=None), "INVALID"),
    "for no audience": (said(audiences=[]), "INVALID"),
    "audiences in one text": (said(audiences=AUDIENCE), "INVALID"),
    "nobody's": (said(user={}), "INVALID"),
    "nobody's at all": (said(user=None), "INVALID"),
    "of a name in two lines": (user("system:serviceaccount:apps:app\nadmin"), "INVALID"),
    "of a name that looks alike": (user("system:serviceaccount:\u0430pps:app"), "INVALID"),
    "of a megabyte": (user("a" * 500_000), "INVALID"),
    "of a number": (user(7), "INVALID"),
    # about the sidecar, or nothing
    "the sidecar may not ask": (said(FORBIDDEN, 403), UNREACHABLE),
    "the sidecar is not known": (said(FORBIDDEN, 401), UNREACHABLE),
    "too many questions": (said(FORBIDDEN, 429), UNREACHABLE),
    "down": (said(b"", 503), UNREACHABLE),
    "elsewhere": (always(302, "", {"Location": "/elsewhere"}), UNREACHABLE),
    "nonsense": (said(b"<html>"), UNREACHABLE),
    "nested without end": (said(b"[" * 100_000), UNREACHABLE),
    "a list": (said([]), UNREACHABLE),
    "another kind": (said(KNOWN | {"kind": "SelfSubjectReview"}), UNREACHABLE),
    "no status": (said(KNOWN | {"status": None}), UNREACHABLE),
    "authenticated in words": (said(authenticated="true"), UNREACHABLE),
    "authenticated by number": (said(authenticated=1), UNREACHABLE),
}


@pytest.mark.parametrize(("answer", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_a_token_that_is_not_proven(tmp_path: Path, answer: Answer, expected: str) -> None:
    async def main() -> None:
        async with cluster(tmp_path, answer) as served:
            assert await verdict(asking(tmp_path, served.url), TOKEN) == expected

    run(main())


@pytest.mark.parametrize(
    ("own", "token"),
    [
        ({"issuer": "https://kubernetes.default.svc.cluster.local"}, signed(iss="https://issuer.example")),
        ({"issuer": "https://kubernetes.default.svc.cluster.local"}, signed(iss=None)),
        ({}, "an-opaque-token"),
        ({}, "a.b.c"),
    ],
    ids=["another issuer's", "nobody's", "opaque", "no JSON"],
)
def test_the_cluster_is_not_shown_what_is_none_of_its_tokens(tmp_path: Path, own: dict[str, Any], token: str) -> None:
    async def main() -> None:
        async with cluster(tmp_path, said()) as served:
            assert await verdict(asking(tmp_path, served.url, **own), token) == "INVALID"
            assert served.requests == []

    run(main())


def test_another_account_holds_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, user("system:serviceaccount:apps-2:app")) as served:
            found = await verdict(asking(tmp_path, served.url), TOKEN)
            assert isinstance(found, Caller)
            assert found.scopes == frozenset()

    run(main())


def test_its_own_token_is_read_at_each_question(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, said(UNKNOWN)) as served:
            verifier = asking(tmp_path, served.url)
            await verdict(verifier, TOKEN)
            (tmp_path / "own").write_text("the-next-one")
            await verdict(verifier, signed(jti="another"))
            (tmp_path / "own").unlink()
            await verdict(verifier, signed(jti="a third"))  # the last good one stays
            shown = [request.headers["Authorization"] for request in served.requests]
            assert shown == [f"Bearer {OWN}", "Bearer the-next-one", "Bearer the-next-one"]

    run(main())


def test_whom_it_asks_must_be_the_cluster(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, said()) as served:
            for own in ({"trusted_ca": None}, {"api": served.url.replace("127.0.0.1", "localhost")}):
                verifier = asking(tmp_path, served.url, **own)
                assert await verdict(verifier, TOKEN) == UNREACHABLE
            assert served.requests == []

    run(main())


def test_readiness_asks_about_nobodys_token(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, said(UNKNOWN)) as served:
            assert await asking(tmp_path, served.url).missing() == []
            assert len(served.requests) == 1
        (why,) = await asking(tmp_path, served.url).missing()
        assert "tokenreviews" in why
        assert OWN not in why

    run(main())


def test_without_a_token_of_its_own_it_does_not_start(tmp_path: Path) -> None:
    Authority(tmp_path)
    with pytest.raises(ValueError, match=r"caller\.kubernetes\.credentials: file .*own can't be read"):
        asking(tmp_path, "https://127.0.0.1:1")
