"""What an operator grants to subjects: scopes, and the projects and models that they may use."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from addons.foundry.caller import Caller
from addons.foundry.rid import is_rid

type Scope = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$")]
"""One scope token (RFC 6749 §3.3): no white space, so two scopes in one string are a mistake, not a scope."""

SUBJECT_PATTERN: Final = r"^[\x20-\x7E]{1,256}$"
"""Subjects stand in records and limit keys, hence printable ASCII of bounded length."""

_ODD_SEGMENT: Final = re.compile(r"(^|/)\.{0,2}(/|$)")
"""An empty, `.` or `..` part of a path: SPIFFE ids may not have one, and it must not lead out of what was granted."""


def _rid(text: str) -> str:
    if not is_rid(text):
        raise ValueError("is not a resource identifier: ri.<service>.<instance>.<type>.<locator>")
    return text


def _subjects(text: str) -> str:
    if not re.fullmatch(SUBJECT_PATTERN, text):
        raise ValueError("a subject is printable ASCII of 1 to 256 characters")
    if "*" in text and not re.fullmatch(r"[^*]*[^*:/][:/]\*", text):
        raise ValueError("write a subject to the letter, or a prefix that ends in :* or /*")
    return text


type Rid = Annotated[str, AfterValidator(_rid)]
type Subjects = Annotated[str, AfterValidator(_subjects)]
"""One subject, or all that begin so: ``system:serviceaccount:NAMESPACE:*``, ``spiffe://DOMAIN/ns/NAMESPACE/*``."""


class Grant(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    scopes: Annotated[frozenset[Scope], Field(description="OAuth2 scopes it holds")]
    projects: Annotated[
        frozenset[Rid] | None,
        Field(description="RIDs it may name in `attribution`. Default none given: any, as in Foundry"),
    ] = None
    models: Annotated[
        frozenset[Rid] | None,
        Field(description="RIDs of the models it may use. Default none given: any, as in Foundry"),
    ] = None

    def caller(self, subject: str, expires_at: float | None = None) -> Caller:
        return Caller(subject, self.scopes, self.projects, self.models, expires_at)


NOTHING: Final = Grant(scopes=frozenset())


class Granting(BaseModel):
    """Settings of a verifier that proves who a caller is. What the caller may do stands in these settings."""

    subjects: Annotated[
        dict[Subjects, Grant],
        Field(
            description="what each subject holds, one to the letter or all under a prefix that ends in :* or /*."
            " Default none: nobody holds anything until it is written down"
        ),
    ] = {}
    default: Annotated[
        Grant | None, Field(description="what a subject holds that is not listed. Default none: no scope, so no call")
    ] = None
    subject_prefix: Annotated[
        str,
        Field(
            pattern=r"^[\x21-\x7E]{0,64}$",
            description="put before the subject in records, limits and ledger, so that subjects of one name from two"
            " issuers are two callers, e.g. cluster-a/. Default none: most have one issuer",
        ),
    ] = ""

    def caller(self, subject: str, expires_at: float | None = None) -> Caller:
        """A proven subject with its grant: that of its exact name, else of its longest prefix, else the default."""
        grant = self.subjects.get(subject) if "*" not in subject else None
        grant = grant or self._by_prefix(subject) or self.default or NOTHING
        return grant.caller(self.subject_prefix + subject, expires_at)

    def _by_prefix(self, subject: str) -> Grant | None:
        fitting = [pattern for pattern in self.subjects if pattern.endswith("*") and _under(subject, pattern[:-1])]
        return self.subjects[max(fitting, key=len)] if fitting else None


def _under(subject: str, prefix: str) -> bool:
    rest = subject.removeprefix(prefix)
    return rest not in ("", subject) and not (prefix.endswith("/") and _ODD_SEGMENT.search(rest))
