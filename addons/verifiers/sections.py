"""The settings of each verifier, under `caller.NAME` in the configuration file (docs/contract.md#callers)."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from addons.values.endpoint import Endpoint
from addons.values.secret import Secret
from addons.verifiers.grant import Granting

type Claim = Annotated[str, StringConstraints(min_length=1, max_length=256)]
type Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric ones alone: with HS* in the list, whoever reads the public key could sign with it."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Remembering(Section):
    """A verifier whose proofs are remembered for a time."""

    cache_entries: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="tokens remembered at most. Default 10,000: some MB, and more than most have",
        ),
    ] = 10_000


class Dialling(Section):
    """A verifier that asks over the network."""

    deadline_seconds: Annotated[
        float,
        Field(
            ge=0.1,
            le=30,
            description="seconds one request to it may take in all; then 503. Default 3: a caller waits meanwhile",
        ),
    ] = 3
    trusted_ca: Annotated[
        Path | None, Field(description="PEM bundle its certificate must chain to. Default none: certifi's authorities")
    ] = None


class _Claims(Section):
    """Where a verified token, or the answer about it, says whose it is."""

    subject_claim: Annotated[
        Claim, Field(description="claim that names the caller. Default sub: the one RFC 7519 has for it")
    ] = "sub"
    projects_claim: Annotated[
        Claim | None,
        Field(
            description="claim that lists the RIDs the caller may name in `attribution`; a token without it: none."
            " Default none: no standard names such a claim"
        ),
    ] = None
    models_claim: Annotated[
        Claim | None,
        Field(
            description="claim that lists the RIDs of models the caller may use; a token without it: none. Default"
            " none: no standard names such a claim"
        ),
    ] = None


class RegistrySettings(Section):
    file: Annotated[
        Path,
        Field(description="YAML list of {sha256, subject, scopes, projects, models}; read again when it changes"),
    ]


class JwtSettings(Remembering, Dialling, _Claims, Granting):
    """Tokens one issuer signed. Where `subjects` or `default` is written, they alone say what a caller holds: tokens
    of Kubernetes and SPIFFE carry no scope. Where neither is, the token's own claims say it.
    """

    issuer: Annotated[str, Field(min_length=1, description="`iss` every token must carry, to the letter")]
    audience: Annotated[str, Field(min_length=1, description="`aud` every token must name")]
    jwks_url: Annotated[
        Endpoint | None,
        Field(
            description="where the issuer publishes its public keys. Default none: one of jwks_url, discovery and"
            " public_key_file is written"
        ),
    ] = None
    discovery: Annotated[
        Endpoint | Literal[True] | None,
        Field(
            description="instead of jwks_url: true, and its address is read from the issuer's"
            " /.well-known/openid-configuration; or where that document lies, where it is not under the issuer. Default"
            " none: see jwks_url"
        ),
    ] = None
    public_key_file: Annotated[
        Path | None,
        Field(
            description="PEM public key or certificate, instead of jwks_url; read again when it changes. Default none:"
            " see jwks_url"
        ),
    ] = None
    credentials: Annotated[
        Secret | None,
        Field(
            description="bearer shown when keys are fetched, at that host alone; a cluster's API server wants the pod's"
            " own token, {file: /var/run/secrets/kubernetes.io/serviceaccount/token}. Default none: most issuers show"
            " their keys to everybody"
        ),
    ] = None
    algorithms: Annotated[
        frozenset[Algorithm],
        Field(
            min_length=1,
            description="signature algorithms accepted; asymmetric ones alone. Default one of each family: those that"
            " identity providers sign with",
        ),
    ] = frozenset[Algorithm](("RS256", "PS256", "ES256", "EdDSA"))
    leeway_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=300,
            description="seconds the issuer's clock may be from ours for exp, nbf and iat. Default 10: clocks kept by"
            " NTP are closer",
        ),
    ] = 10
    cache_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=3600,
            description="seconds a verified token is taken as such, at most until it expires. Default 300: a revoked"
            " one is not known of anyway",
        ),
    ] = 300
    keys_seconds: Annotated[
        float,
        Field(
            ge=1,
            le=86_400,
            description="seconds fetched keys are used before they are fetched again. Default 3600: a key taken back"
            " ends within the hour",
        ),
    ] = 3600
    keys_interval_seconds: Annotated[
        float,
        Field(
            ge=1,
            le=600,
            description="seconds between two fetches because of tokens signed by an unknown key. Default 5: a flood of"
            " made-up keys reaches nobody",
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
            raise ValueError("subjects and default say what a caller holds: take out projects_claim and models_claim")
        return self


class IntrospectionSettings(Remembering, Dialling, _Claims):
    url: Annotated[Endpoint, Field(description="the RFC 7662 endpoint")]
    client_id: Annotated[str, Field(min_length=1, description="what the sidecar calls itself there (HTTP Basic)")]
    client_secret: Annotated[Secret, Field(description="the secret that goes with client_id")]
    audience: Annotated[
        str | None,
        Field(
            min_length=1,
            description="`aud` an active token must name. Default none: not checked, as many servers do not tell it",
        ),
    ] = None
    cache_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=3600,
            description="seconds an answer is believed, so how late a revocation is seen. Default 60: one question a"
            " minute and token",
        ),
    ] = 60


class MultipassSettings(Remembering, Dialling, Granting):
    """Subjects are users' ids, not names: names repeat across realms."""

    url: Annotated[Endpoint, Field(description="the Foundry itself: https://acme.palantirfoundry.com")]
    cache_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=600,
            description="seconds an answer is believed, so how late a revocation is seen. Default 30: Foundry tells at"
            " once, and is asked seldom",
        ),
    ] = 30
