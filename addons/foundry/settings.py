"""The configuration sections ``foundry`` and ``models``."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator

from addons.foundry.models import Model
from addons.values.address import DialledAddress
from addons.values.host import HostName


class FoundrySettings(BaseModel):
    """Which host names are Foundry's, and what becomes of calls to them that no policy judges."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hostnames: Annotated[
        tuple[HostName, ...],
        Field(
            description="host names apps know this Foundry by, without https:// and port. Default none: apps then say"
            " localhost or the listening address, which are always known"
        ),
    ] = ()
    error_format: Annotated[
        Literal["hybrid", "foundry", "openai"],
        Field(description="envelope of refusals. Default hybrid: the one that both Palantir's and OpenAI's SDKs read"),
    ] = "hybrid"
    other_paths: Annotated[
        Literal["refuse", "forward"],
        Field(
            description="calls to other paths on these host names; forward: passed on to Foundry alone, with the"
            " caller's own token, never those to its model proxy. Default refuse: what is not judged does not leave"
        ),
    ] = "refuse"
    addresses: Annotated[
        dict[HostName, DialledAddress],
        Field(
            description="HOST:PORT where a host name above is dialled for other_paths, e.g. a private address, or"
            " where the name itself leads to the sidecar; its certificate must still be the host name's, and chain to"
            " provider.trusted_ca where that is set. Default: port 443 at the address the name resolves to, which must"
            " be no loopback, link-local or metadata address"
        ),
    ] = {}

    @model_validator(mode="after")
    def _forwards_somewhere(self) -> "FoundrySettings":
        if self.other_paths == "forward" and not self.hostnames:
            raise ValueError("other_paths: forward needs foundry.hostnames, the only hosts that calls are forwarded to")
        if unknown := [name for name in self.addresses if name not in self.hostnames]:
            raise ValueError(f"addresses names {', '.join(unknown)}, which foundry.hostnames does not")
        return self


class ModelsSettings(BaseModel):
    """Rows of the catalogue beside those that are shipped, and how models may be named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_plain_names: Annotated[
        bool,
        Field(
            description="accept OpenAI's own model names too. Default false: Foundry itself does not, and a call that"
            " works here would fail there"
        ),
    ] = False
    extra: Annotated[
        tuple[Model, ...],
        Field(
            description="rows laid over the shipped catalogue's, member by member, and those of further models."
            " Default none: the catalogue knows the documented models"
        ),
    ] = ()

    @field_serializer("extra", when_used="json")
    @staticmethod
    def _as_written(extra: Sequence[Model]) -> list[dict[str, Any]]:
        """A member that a row does not name is the shipped row's, and no default here."""
        return [row.model_dump(exclude_unset=True) for row in extra]
