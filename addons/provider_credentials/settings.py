"""The settings of a region's credential: `provider.regions.*.api_key` and `provider.regions.*.identity`.

Names and defaults under `identity` are those of openai-python 3.54, auth/_workload.py, and of
https://developers.openai.com/api/reference/workload-identity-federation (read 2026-11).
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from addons.values.endpoint import Endpoint
from addons.values.secret import Secret

type Id = Annotated[str, Field(pattern=r"^[\x21-\x7E]{1,256}$")]


class IdentitySettings(BaseModel):
    """OpenAI's workload identity federation: the pod's own token is exchanged for a short-lived one, so no key of the
    provider's is kept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    identity_provider_id: Annotated[
        Id, Field(description="id of the workload identity provider that is set up at OpenAI")
    ]
    service_account_id: Annotated[Id, Field(description="id of the OpenAI service account that makes the calls")]
    token_file: Annotated[
        Path,
        Field(description="file with the pod's own token: a projected one or a SPIFFE JWT-SVID; read at each exchange"),
    ]
    token_type: Annotated[
        Literal["jwt", "id"],
        Field(description="a JWT, or an OpenID Connect id token. Default jwt: what Kubernetes and SPIFFE issue"),
    ] = "jwt"  # noqa: S105 - the kind of a token, and no token
    url: Annotated[
        Endpoint,
        Field(description="address at which it is exchanged (RFC 8693). Default OpenAI's endpoint: as it documents"),
    ] = "https://auth.openai.com/oauth/token"
    refresh_buffer_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=86_400,
            description="seconds before its expiry at which a token is renewed, at most half its life. Default 1200: as"
            " OpenAI's SDK",
        ),
    ] = 1200
    deadline_seconds: Annotated[
        float,
        Field(
            ge=0.1,
            le=60,
            description="seconds that one exchange may take; then calls that wait for it get 503. Default 10: as"
            " OpenAI's SDK",
        ),
    ] = 10
    trusted_ca: Annotated[
        Path | None,
        Field(
            description="PEM bundle that the endpoint's certificate must chain to. Default none: certifi's authorities"
        ),
    ] = None


class RegionCredential(BaseModel):
    """The credential of one region: either a static key or the pod's own identity."""

    api_key: Annotated[
        Secret | None,
        Field(description="the OpenAI project's key, by reference. Default none: write api_key or identity"),
    ] = None
    identity: Annotated[
        IdentitySettings | None,
        Field(description="the pod's own token is exchanged for short-lived ones. Default none: see api_key"),
    ] = None

    @property
    def credential(self) -> Secret | IdentitySettings:
        """Whichever of the two is written."""
        written = self.api_key or self.identity
        assert written is not None, "see _one_of_them"
        return written

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.api_key is None) == (self.identity is None):
            raise ValueError("write either api_key or identity")
        return self
