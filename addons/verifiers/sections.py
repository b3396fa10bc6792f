"""The settings of each verifier, under `caller.NAME` in the configuration file (docs/contract.md#callers)."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from addons.values.endpoint import Endpoint
from addons.values.secret import Secret
from addons.verifiers.grant import Granting

type Claim = Annotated[str, StringConstraints(min_length=1, max_length=256)]
type Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Only asymmetric ones. With HS* in the list, anybody who reads the public key could sign with it."""


class Section(BaseModel):
    """A section of the configuration: unknown keys are errors, and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Remembering(Section):
    """Settings of a verifier whose answers are remembered for a time."""

    cache_entries: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="tokens remembered at most. Default 10,000: they take a few MB; few installations have more",
        ),
    ] = 10_000


class Dialling(Section):
    """Settings of a verifier that asks a service over the network."""

    deadline_seconds: Annotated[
        float,
        Field(
            ge=0.1,
            le=30,
            description="seconds that one request to it may take; then the call gets 503. Default 3: a caller waits for"
            " it",
        ),
    ] = 3
    trusted_ca: Annotated[
        Path | None,
        Field(description="PEM bundle that its certificate must chain to. Default none: certifi's authorities"),
    ] = None


class _Claims(Section):
    """The claims, of a verified token or of the answer about it, that say who the caller is and what it may use."""

    subject_claim: Annotated[
        Claim, Field(description="claim that names the caller. Default sub: RFC 7519's claim for it")
    ] = "sub"
    projects_claim: Annotated[
        Claim | None,
        Field(
            description="claim that lists the RIDs that the caller may name in `attribution`; with a token that lacks"
            " the claim, none. Default none: any RID may be named; no standard has such a claim"
        ),
    ] = None
    models_claim: Annotated[
        Claim | None,
        Field(
            description="claim that lists the RIDs of the models that the caller may use; with a token that lacks the"
            " claim, none. Default none: any model may be used; no standard has such a claim"
        ),
    ] = None


class RegistrySettings(Section):
    """Tokens listed in a file, by their SHA-256."""

    file: Annotated[
        Path,
        Field(description="YAML list of {sha256, subject, scopes, projects, models}; read again when it changes"),
    ]


class JwtSettings(Remembering, Dialling, _Claims, Granting):
    """Tokens that one issuer signed. Where `subjects` or `default` is written, only these grant scopes, projects and
    models, since tokens of Kubernetes and SPIFFE carry no scope. Otherwise the claims of the token do.
    """

    issuer: Annotated[str, Field(min_length=1, description="the exact `iss` of every token")]
    audience: Annotated[str, Field(min_length=1, description="`aud` that every token must name")]
    jwks_url: Annotated[
        Endpoint | None,
        Field(
            description="address of the issuer's key set. Default none: write one of jwks_url, discovery and"
            " public_key_file"
        ),
    ] = None
    discovery: Annotated[
        Endpoint | Literal[True] | None,
        Field(
            description="instead of jwks_url: true reads the key set's address from the issuer's"
            " /.well-known/openid-configuration; an address names that document where it is not under the issuer."
            " Default none: see jwks_url"
        ),
    ] = None
    public_key_file: Annotated[
        Path | None,
        Field(
            description="file with a public key or certificate in PEM, instead of jwks_url; read again when it changes."
            " Default none: see jwks_url"
        ),
    ] = None
    credentials: Annotated[
        Secret | None,
        Field(
            description="bearer token sent with requests for keys, only to the host of jwks_url or discovery; a"
            " cluster's API server wants the pod's own, {file: /var/run/secrets/kubernetes.io/serviceaccount/token}."
            " Default none: most issuers publish their keys to everybody"
        ),
    ] = None
    algorithms: Annotated[
        frozenset[Algorithm],
        Field(
            min_length=1,
            description="signature algorithms that are accepted; all are asymmetric. Default one of each family:"
            " identity providers sign with these",
        ),
    ] = frozenset[Algorithm](("RS256", "PS256", "ES256", "EdDSA"))
    leeway_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=300,
            description="seconds that the issuer's clock and the sidecar's may differ for exp, nbf and iat. Default 10:"
            " clocks that NTP sets differ by less",
        ),
    ] = 10
    cache_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=3600,
            description="seconds that a verified token is not verified again, never past its expiry. Default 300: a"
            " signed token does not show that it was revoked",
        ),
    ] = 300
    keys_seconds: Annotated[
        float,
        Field(
            ge=1,
            le=86_400,
            description="seconds that fetched keys are used before they are fetched again. Default 3600: a key that the"
            " issuer withdraws is accepted for an hour at most",
        ),
    ] = 3600
    keys_interval_seconds: Annotated[
        float,
        Field(
            ge=1,
            le=600,
            description="seconds between two fetches of keys because of tokens signed by an unknown key. Default 5: a"
            " flood of invented key ids does not reach the issuer",
        ),
    ] = 5

    @property
    def grants(self) -> bool:
        """Whether the configuration, and not the token, says which scopes and projects a caller has."""
        return bool(self.subjects) or self.default is not None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.jwks_url, self.discovery, self.public_key_file)) != 1:
            raise ValueError("write either jwks_url, discovery or public_key_file")
        if self.discovery is True and not self.issuer.startswith("https://"):
            raise ValueError("discovery: true needs an issuer that is an https address; write the document's address")
        if self.credentials is not None and self.public_key_file is not None:
            raise ValueError("credentials are shown where keys are fetched; public_key_file fetches none")
        if self.grants and (self.projects_claim or self.models_claim):
            raise ValueError("subjects and default say what a caller may do: take out projects_claim and models_claim")
        return self


class IntrospectionSettings(Remembering, Dialling, _Claims):
    """An authorisation server that is asked about each token (RFC 7662)."""

    url: Annotated[Endpoint, Field(description="address of the introspection endpoint (RFC 7662)")]
    client_id: Annotated[str, Field(min_length=1, description="the sidecar's name there, for HTTP Basic")]
    client_secret: Annotated[Secret, Field(description="the secret that belongs to client_id")]
    audience: Annotated[
        str | None,
        Field(
            min_length=1,
            description="`aud` that an active token must name. Default none: it is not checked, as many servers do not"
            " say it",
        ),
    ] = None
    cache_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=3600,
            description="seconds that an answer is remembered; a revocation is seen that much later. Default 60: one"
            " request a minute for each token",
        ),
    ] = 60


class MultipassSettings(Remembering, Dialling, Granting):
    """A Foundry that is asked about each token. Subjects are users' ids: names are unique only within a realm."""

    url: Annotated[Endpoint, Field(description="address of the Foundry: https://acme.palantirfoundry.com")]
    cache_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=600,
            description="seconds that an answer is remembered; a revocation is seen that much later. Default 30: two"
            " requests a minute for each token",
        ),
    ] = 30
