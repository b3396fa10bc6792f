"""The `caller:` keys of the configuration file (SPEC §10): how a bearer token is checked."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from addons.values.address import is_loopback
from addons.values.secret import Secret
from addons.verifiers.grant import SUBJECT_PATTERN, Grant


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in ("https", "http") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("write an absolute URL: https://host/path")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("write the URL without user name, password and #fragment")
    if parts.port == 0:
        raise ValueError("port 0 can't be dialled")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("plain http is allowed to loopback alone, tokens and keys travel here: use https")
    return url


type Endpoint = Annotated[str, AfterValidator(_endpoint)]
type Claim = Annotated[str, StringConstraints(min_length=1, max_length=256)]
type Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric ones alone: with HS* in the list, whoever reads the public key could sign with it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Remembering(_Strict):
    """A verifier whose proofs are kept for a while."""

    cache_entries: Annotated[int, Field(ge=1, le=1_000_000, description="tokens remembered at most")] = 10_000


class _Dialling(_Strict):
    """A verifier that asks over the network."""

    deadline_seconds: Annotated[
        float, Field(ge=0.1, le=30, description="time one request to it may take in all; then 503")
    ] = 3
    trusted_ca: Annotated[
        Path | None, Field(description="PEM bundle its certificate must chain to; default: certifi's")
    ] = None


class _Claims(_Strict):
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


class RegistrySettings(_Strict):
    file: Annotated[
        Path,
        Field(description="YAML list of {sha256, subject, scopes, projects, models}; read again when it changes"),
    ]


class JwtSettings(_Remembering, _Dialling, _Claims):
    issuer: Annotated[str, Field(min_length=1, description="`iss` every token must carry, to the letter")]
    audience: Annotated[str, Field(min_length=1, description="`aud` every token must name")]
    jwks_url: Annotated[Endpoint | None, Field(description="where the issuer publishes its public keys")] = None
    public_key_file: Annotated[
        Path | None, Field(description="PEM public key or certificate, instead of jwks_url; read again when it changes")
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

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.jwks_url is None) == (self.public_key_file is None):
            raise ValueError("write either jwks_url or public_key_file")
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


class FoundrySettings(_Remembering, _Dialling):
    url: Annotated[Endpoint, Field(description="the Foundry itself: https://acme.palantirfoundry.com")]
    subjects: Annotated[
        dict[Annotated[str, StringConstraints(pattern=SUBJECT_PATTERN)], Grant],
        Field(description="what each user holds, by the user's id (not name: names repeat across realms)"),
    ] = {}
    default: Annotated[
        Grant | None, Field(description="what a user holds who is not listed; absent: no scope, so no call")
    ] = None
    cache_seconds: Annotated[
        float, Field(ge=0, le=600, description="how long an answer is believed, so how late a revocation is seen")
    ] = 30


class CallerSettings(_Strict):
    """How it is checked who calls (SPEC §3)."""

    verifier: Annotated[
        Literal["registry", "jwt", "introspection", "foundry", "development"],
        Field(description="which of the five checks tokens; `development` believes every bearer, on loopback alone"),
    ]
    registry: Annotated[RegistrySettings | None, Field(description="tokens known by their SHA-256")] = None
    jwt: Annotated[JwtSettings | None, Field(description="signed tokens of an identity provider")] = None
    introspection: Annotated[
        IntrospectionSettings | None, Field(description="an authorisation server asked about each token")
    ] = None
    foundry: Annotated[FoundrySettings | None, Field(description="Foundry asked whose token it is")] = None

    @model_validator(mode="after")
    def _chosen_is_there(self) -> Self:
        if self.verifier != "development" and getattr(self, self.verifier) is None:
            raise ValueError(f"verifier is {self.verifier}, so its settings must stand under caller.{self.verifier}")
        return self
