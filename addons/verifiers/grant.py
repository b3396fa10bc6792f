"""What an operator grants to subjects: scopes, and the projects and models that they may use."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from addons.foundry.caller import Caller
from addons.foundry.rid import is_rid

type Scope = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$")]
"""One scope (RFC 6749 §3.3). It holds no white space, so two scopes in one string are an error."""

SUBJECT_PATTERN: Final = r"^[\x20-\x7E]{1,256}$"
"""Printable ASCII of bounded length: subjects stand in records and in the keys of limits."""

_ODD_SEGMENT: Final = re.compile(r"(^|/)\.{0,2}(/|$)")
"""An empty, `.` or `..` segment of a path. SPIFFE ids have none. With one, a subject could leave the granted prefix."""


def _rid(text: str) -> str:
    if not is_rid(text):
        raise ValueError("is not a resource identifier: ri.<service>.<instance>.<type>.<locator>")
    return text


def _subjects(text: str) -> str:
    if not re.fullmatch(SUBJECT_PATTERN, text):
        raise ValueError("a subject is printable ASCII of 1 to 256 characters")
    if "*" in text and not re.fullmatch(r"[^*]*[^*:/][:/]\*", text):
        raise ValueError("write a whole subject, or a prefix that ends in :* or /*")
    return text


type Rid = Annotated[str, AfterValidator(_rid)]
type Subjects = Annotated[str, AfterValidator(_subjects)]
"""One subject, or all under a prefix: ``system:serviceaccount:NAMESPACE:*``, ``spiffe://DOMAIN/ns/NAMESPACE/*``."""


class Grant(BaseModel):
    """The scopes, projects and models that the operator grants to a subject."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scopes: Annotated[frozenset[Scope], Field(description="OAuth2 scopes it has")]
    projects: Annotated[
        frozenset[Rid] | None,
        Field(description="RIDs it may name in `attribution`. Default none given: any, as in Foundry"),
    ] = None
    models: Annotated[
        frozenset[Rid] | None,
        Field(description="RIDs of the models it may use. Default none given: any, as in Foundry"),
    ] = None

    def caller(self, subject: str, expires_at: float | None = None) -> Caller:
        """The caller ``subject`` with this grant. ``expires_at`` is a Unix time in seconds."""
        return Caller(subject, self.scopes, self.projects, self.models, expires_at)


NOTHING: Final = Grant(scopes=frozenset())


class Granting(BaseModel):
    """Settings of a verifier that proves who a caller is. They say what the caller may do."""

    subjects: Annotated[
        dict[Subjects, Grant],
        Field(
            description="grants by subject, or by a prefix of subjects that ends in :* or /*. The exact subject comes"
            " first, then the longest prefix. Default none: nobody has a scope that is not granted"
        ),
    ] = {}
    default: Annotated[
        Grant | None, Field(description="grant of a subject that is not listed. Default none: no scope, so no call")
    ] = None
    subject_prefix: Annotated[
        str,
        Field(
            pattern=r"^[\x21-\x7E]{0,64}$",
            description="put before the subject in records, limits and ledger, so that two issuers' subjects of the"
            " same name are two callers, for example cluster-a/. Default none: most installations have one issuer",
        ),
    ] = ""

    def caller(self, subject: str, expires_at: float | None = None) -> Caller:
        """The caller that a proven subject is, with its grant.

        The grant is that of the exact subject, else that of the longest prefix, else ``default``, else none.
        ``subjects`` are matched without ``subject_prefix``. ``expires_at`` is a Unix time in seconds.
        """
        grant = self.subjects.get(subject) if "*" not in subject else None
        grant = grant or self._by_prefix(subject) or self.default or NOTHING
        return grant.caller(self.subject_prefix + subject, expires_at)

    def _by_prefix(self, subject: str) -> Grant | None:
        fitting = [pattern for pattern in self.subjects if pattern.endswith("*") and _under(subject, pattern[:-1])]
        return self.subjects[max(fitting, key=len)] if fitting else None


def _under(subject: str, prefix: str) -> bool:
    rest = subject.removeprefix(prefix)
    return rest not in ("", subject) and not (prefix.endswith("/") and _ODD_SEGMENT.search(rest))
