import pytest
from pydantic import TypeAdapter, ValidationError

from addons.foundry.caller import Caller
from addons.verifiers.grant import Grant, Granting, Subjects

ACCOUNT = "system:serviceaccount:apps:app"
SPIFFE = "spiffe://acme.example/ns/apps/sa/app"


def holding(*subjects: str, default: bool = False, prefix: str = "") -> Granting:
    """Each holds a scope of its own name."""
    return Granting(
        subjects={each: Grant(scopes=frozenset({each})) for each in subjects},
        default=Grant(scopes=frozenset({"default"})) if default else None,
        subject_prefix=prefix,
    )


# what is written, who comes, what they hold
GRANTED: list[tuple[tuple[str, ...], str, str | None]] = [
    # to the letter
    ((ACCOUNT,), ACCOUNT, ACCOUNT),
    ((ACCOUNT,), ACCOUNT.upper(), None),
    ((ACCOUNT,), ACCOUNT + " ", None),
    ((ACCOUNT,), ACCOUNT[:-1], None),
    # under a prefix, at its separator alone
    (("system:serviceaccount:apps:*",), ACCOUNT, "system:serviceaccount:apps:*"),
    (("system:serviceaccount:*",), ACCOUNT, "system:serviceaccount:*"),
    (("system:serviceaccount:app:*",), ACCOUNT, None),
    (("system:serviceaccount:apps:*",), "system:serviceaccount:apps-2:app", None),
    (("system:serviceaccount:apps:*",), "system:serviceaccount:apps:", None),
    (("system:serviceaccount:apps:*",), "system:serviceaccount:apps", None),
    (("system:serviceaccount:apps:*",), "system:serviceaccount:apps:*", "system:serviceaccount:apps:*"),
    (("system:serviceaccount:apps:*",), "System:serviceaccount:apps:app", None),
    (("system:serviceaccount:apps:*",), "x-system:serviceaccount:apps:app", None),
    (("spiffe://acme.example/ns/apps/*",), SPIFFE, "spiffe://acme.example/ns/apps/*"),
    (("spiffe://acme.example/*",), SPIFFE, "spiffe://acme.example/*"),
    (("spiffe://acme.example/*",), "spiffe://acme.example.evil.example/ns", None),
    (("spiffe://acme.example/*",), "spiffe://ACME.example/ns/apps", None),
    *(
        (("spiffe://acme.example/ns/apps/*",), f"spiffe://acme.example/ns/apps/{rest}", None)
        for rest in ("", "..", "../admin", "a/../../admin", "./a", "a//b", "/a", "a/", "a/..")
    ),
    (("spiffe://acme.example/ns/apps/*",), "spiffe://acme.example/ns/apps/..a", "spiffe://acme.example/ns/apps/*"),
    # the nearest wins
    ((ACCOUNT, "system:serviceaccount:apps:*"), ACCOUNT, ACCOUNT),
    (("system:serviceaccount:*", "system:serviceaccount:apps:*"), ACCOUNT, "system:serviceaccount:apps:*"),
    (("system:serviceaccount:apps:*", "system:serviceaccount:*"), ACCOUNT, "system:serviceaccount:apps:*"),
]


@pytest.mark.parametrize(("written", "subject", "scope"), GRANTED)
def test_what_a_subject_holds(written: tuple[str, ...], subject: str, scope: str | None) -> None:
    nothing = holding(*written).caller(subject, 7.0)
    assert nothing == Caller(subject, frozenset({scope} if scope else ()), expires_at=7.0)
    otherwise = holding(*written, default=True).caller(subject)
    assert otherwise.scopes == {scope or "default"}


def test_projects_and_models_go_with_the_scopes() -> None:
    grant = Grant.model_validate({"scopes": ["a"], "projects": ["ri.a.b.c.d"], "models": []})
    assert Granting(default=grant).caller("s") == Caller("s", frozenset("a"), frozenset({"ri.a.b.c.d"}), frozenset())


def test_a_prefix_tells_two_issuers_subjects_apart_and_grants_nothing() -> None:
    assert holding(ACCOUNT, prefix="a/").caller(ACCOUNT) == Caller(f"a/{ACCOUNT}", frozenset({ACCOUNT}))
    assert holding(f"a/{ACCOUNT}", prefix="a/").caller(ACCOUNT).scopes == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        *("*", ":*", "/*", "a*", "a-*", "a:b*", "a:*:b", "a:**", "*:a", "a::*", "spiffe://*", "a*:*", "a:* "),
        *("", "a\n", "zwei\nzeilen", "m\u00fcller", "a" * 257, "a\x00", "\u0430pp"),
    ],
    ids=ascii,
)
def test_what_is_no_subject(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[str](Subjects).validate_python(text)
