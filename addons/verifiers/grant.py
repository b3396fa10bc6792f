"""What an operator writes down for one subject: scopes, and the projects and models it is held to."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from addons.foundry.caller import Caller
from addons.foundry.rid import is_rid

type Scope = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$")]
"""One scope token (RFC 6749 §3.3): no white space, so two scopes in one string are a mistake, not a scope."""

SUBJECT_PATTERN: Final = r"^[\x20-\x7E]{1,256}$"
"""Subjects stand in records and limit keys, hence printable ASCII of bounded length."""


def _rid(text: str) -> str:
    if not is_rid(text):
        raise ValueError("is not a resource identifier: ri.<service>.<instance>.<type>.<locator>")
    return text


type Rid = Annotated[str, AfterValidator(_rid)]


class Grant(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    scopes: Annotated[frozenset[Scope], Field(description="OAuth2 scopes it holds")]
    projects: Annotated[frozenset[Rid] | None, Field(description="RIDs it may name in `attribution`; absent: any")] = (
        None
    )
    models: Annotated[frozenset[Rid] | None, Field(description="RIDs of the models it may use; absent: any")] = None

    def caller(self, subject: str) -> Caller:
        return Caller(subject, self.scopes, self.projects, self.models)
