"""What each verifier is told, under `caller.NAME` in the configuration file (SPEC §10)."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from addons.values.endpoint import Endpoint
from addons.values.secret import Secret
from addons.verifiers.grant import Granting

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes mounts a pod's own token and its cluster's authority."""


type Claim = Annotated[str, StringConstraints(min_length=1, max_length=256)]
type Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric ones alone: with HS* in the list, whoever reads the public key could sign with it."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Remembering(Section):
    """A verifier whose proofs are kept for a while."""

    cache_entries: Annotated[int, Field(ge=1, le=1_000_000, description="tokens remembered at most")] = 10_000


class _Dialling(Section):
    """A verifier that asks over the network."""

    deadline_seconds: Annotated[
        float, Field(ge=0.1, le=30, description="time one request to it may take in all; then 503")
    ] = 3
    trusted_ca: Annotated[
        Path | None, Field(description="PEM bundle its certificate must chain to; default: certifi's")
    ] = None


class _Claims(Section):
    """Where a verified token, or the answer about it, says whose it is."""

    subject_claim: Annotated[Claim, Field(description="claim that names the caller")] = "sub"
    projects_claim: Annotated[
        Claim | None,
        Field(description="claim that lists the RIDs the caller may name in `attribution`; a token without it: none"),
    ] = None
    models_claim: Annotated[
        Claim | None,
        Field(description="claim that lists the RIDs of models the caller may use; a token without it: none"),
    ] = None


class RegistrySettings(Section):
    file: Annotated[
        Path,
        Field(description="YAML list of {sha256, subject, scopes, projects, models}; read again when it changes"),
    ]


class JwtSettings(_Remembering, _Dialling, _Claims, Granting):
    """Tokens one issuer signed. Where `subjects` or `default` is written, they alone say what a caller holds: tokens
    of Kubernetes and SPIFFE carry no scope. Where neither is, the token's own claims say it.
    """

    issuer: Annotated[str, Field(min_length=1, description="`iss` every token must carry, to the letter")]
    audience: Annotated[str, Field(min_length=1, description="`aud` every token must name")]
    jwks_url: Annotated[Endpoint | None, Field(description="where the issuer publishes its public keys")] = None
    discovery: Annotated[
        Endpoint | Literal[True] | None,
        Field(
            description="instead of jwks_url: true, and its address is read from the issuer's"
            " /.well-known/openid-configuration; or where that document lies, where it is not under the issuer"
        ),
    ] = None
    public_key_file: Annotated[
        Path | None, Field(description="PEM public key or certificate, instead of jwks_url; read again when it changes")
    ] = None
    credentials: Annotated[
        Secret | None,
        Field(
            description="bearer shown when keys are fetched, at that host alone; a cluster's API server wants the pod's"
            f" own token: {{file: {SERVICE_ACCOUNT}/token}}"
        ),
    ] = None
    algorithms: Annotated[
        frozenset[Algorithm], Field(min_length=1, description="signature algorithms accepted; asymmetric ones alone")
    ] = frozenset[Algorithm](("RS256", "PS256", "ES256", "EdDSA"))
    leeway_seconds: Annotated[
        float, Field(ge=0, le=300, description="how far the issuer's clock may be from ours for exp, nbf and iat")
    ] = 10
    cache_seconds: Annotated[
        float, Field(ge=0, le=3600, description="how long a verified token is taken as such, at most until it expires")
    ] = 300
    keys_seconds: Annotated[
        float, Field(ge=1, le=86_400, description="how long fetched keys are used before they are fetched again")
    ] = 3600
    keys_interval_seconds: Annotated[
        float, Field(ge=1, le=600, description="tokens signed by an unknown key fetch the keys at most this often")
    ] = 5

    @property
    def grants(self) -> bool:
        """Whether the configuration says what callers hold, and not their tokens."""
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


class IntrospectionSettings(_Remembering, _Dialling, _Claims):
    url: Annotated[Endpoint, Field(description="the RFC 7662 endpoint")]
    client_id: Annotated[str, Field(min_length=1, description="what the sidecar calls itself there (HTTP Basic)")]
    client_secret: Annotated[Secret, Field(description="the secret that goes with client_id")]
    audience: Annotated[
        str | None, Field(min_length=1, description="`aud` an active token must name; absent: not checked")
    ] = None
    cache_seconds: Annotated[
        float, Field(ge=0, le=3600, description="how long an answer is believed, so how late a revocation is seen")
    ] = 60


class FoundrySettings(_Remembering, _Dialling, Granting):
    """Subjects are users' ids, not names: names repeat across realms."""

    url: Annotated[Endpoint, Field(description="the Foundry itself: https://acme.palantirfoundry.com")]
    cache_seconds: Annotated[
        float, Field(ge=0, le=600, description="how long an answer is believed, so how late a revocation is seen")
    ] = 30


class KubernetesSettings(_Remembering, _Dialling, Granting):
    """The cluster's API server asked about each token (TokenReview), for clusters whose keys can't be fetched."""

    audience: Annotated[str, Field(min_length=1, description="`aud` a token must have been projected for")]
    issuer: Annotated[
        str | None, Field(min_length=1, description="asked about tokens of this `iss` alone; absent: about every JWT")
    ] = None
    api: Annotated[Endpoint, Field(description="the API server")] = "https://kubernetes.default.svc"
    credentials: Annotated[
        Secret,
        Field(description="the sidecar's own token there; its account needs the cluster role system:auth-delegator"),
    ] = Secret(file=SERVICE_ACCOUNT / "token")
    trusted_ca: Annotated[
        Path | None, Field(description="PEM bundle the API server's certificate must chain to; null: certifi's")
    ] = SERVICE_ACCOUNT / "ca.crt"
    cache_seconds: Annotated[
        float, Field(ge=0, le=600, description="how long an answer is believed, so how late a revocation is seen")
    ] = 30


class CertificateSettings(Section, Granting):
    """Callers known by their TLS certificate on the reverse port, by its SPIFFE id or else its subject
    (`CN=app,O=Acme`). Needs listen.tls.
    """

    trusted_ca: Annotated[Path, Field(description="PEM bundle callers' certificates must chain to")]
