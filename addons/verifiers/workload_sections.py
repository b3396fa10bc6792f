"""The settings of verifiers for workloads, which prove themselves by a cluster's token or by a certificate."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from addons.values.endpoint import Endpoint
from addons.values.secret import Secret
from addons.verifiers.grant import Granting
from addons.verifiers.sections import Dialling, Remembering, Section

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""The folder in which Kubernetes mounts a pod's own token and its cluster's certificate authority."""


class KubernetesSettings(Remembering, Dialling, Granting):
    """A cluster's API server that is asked about each token (TokenReview), for clusters whose keys can't be fetched."""

    audience: Annotated[str, Field(min_length=1, description="`aud` that a token must have been projected for")]
    issuer: Annotated[
        str | None,
        Field(
            min_length=1,
            description="the API server is asked only about tokens of this `iss`. Default none: it is asked about every"
            " signed token",
        ),
    ] = None
    api: Annotated[
        Endpoint,
        Field(description="address of the API server. Default https://kubernetes.default.svc: its name in each pod"),
    ] = "https://kubernetes.default.svc"
    credentials: Annotated[
        Secret,
        Field(
            description="the sidecar's own token there; its account needs the cluster role system:auth-delegator."
            " Default the service account's token: the file in which Kubernetes mounts it"
        ),
    ] = Secret(file=SERVICE_ACCOUNT / "token")
    trusted_ca: Annotated[
        Path | None,
        Field(
            description="PEM bundle that the API server's certificate must chain to; null: certifi's authorities."
            " Default the service account's ca.crt: the cluster's own authority"
        ),
    ] = SERVICE_ACCOUNT / "ca.crt"
    cache_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=600,
            description="seconds that an answer is remembered; a revocation is seen that much later. Default 30: two"
            " requests a minute for each token",
        ),
    ] = 30


class CertificateSettings(Section, Granting):
    """Callers known by their TLS certificate on the reverse port: by its SPIFFE id, or else by its subject
    (`CN=app,O=Acme`). It needs `listen.tls`.
    """

    trusted_ca: Annotated[Path, Field(description="PEM bundle that callers' certificates must chain to")]
