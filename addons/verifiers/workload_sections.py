"""The settings of verifiers for workloads, which a cluster or a certificate authority knows."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from addons.values.endpoint import Endpoint
from addons.values.secret import Secret
from addons.verifiers.grant import Granting
from addons.verifiers.sections import Dialling, Remembering, Section

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes mounts a pod's own token and its cluster's authority."""


class KubernetesSettings(Remembering, Dialling, Granting):
    """The cluster's API server asked about each token (TokenReview), for clusters whose keys can't be fetched."""

    audience: Annotated[str, Field(min_length=1, description="`aud` a token must have been projected for")]
    issuer: Annotated[
        str | None,
        Field(
            min_length=1,
            description="asked about tokens of this `iss` alone. Default none: asked about every signed token",
        ),
    ] = None
    api: Annotated[
        Endpoint, Field(description="the API server. Default https://kubernetes.default.svc: its name in each pod")
    ] = "https://kubernetes.default.svc"
    credentials: Annotated[
        Secret,
        Field(
            description="the sidecar's own token there; its account needs the cluster role system:auth-delegator."
            " Default the service account's: where Kubernetes mounts it"
        ),
    ] = Secret(file=SERVICE_ACCOUNT / "token")
    trusted_ca: Annotated[
        Path | None,
        Field(
            description="PEM bundle the API server's certificate must chain to, null for certifi's. Default the service"
            " account's ca.crt: the cluster's own authority"
        ),
    ] = SERVICE_ACCOUNT / "ca.crt"
    cache_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=600,
            description="seconds an answer is believed, so how late a revocation is seen. Default 30: the API server"
            " tells at once, and is asked seldom",
        ),
    ] = 30


class CertificateSettings(Section, Granting):
    """Callers known by their TLS certificate on the reverse port, by its SPIFFE id or else its subject
    (`CN=app,O=Acme`). Needs listen.tls.
    """

    trusted_ca: Annotated[Path, Field(description="PEM bundle callers' certificates must chain to")]
