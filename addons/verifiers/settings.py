"""The section `caller` of the configuration file (docs/contract.md#callers): the verifiers, and their order."""

from collections import Counter
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from addons.verifiers.sections import IntrospectionSettings, JwtSettings, MultipassSettings, RegistrySettings, Section
from addons.verifiers.workload_sections import CertificateSettings, KubernetesSettings

type Name = Literal["registry", "jwt", "introspection", "foundry", "kubernetes", "certificate", "development"]


def _how_many(value: Any) -> str:
    return "[several]" if isinstance(value, list | tuple) else "[one]"


_UNUSED: Final = "Default none: needed where the verifier is this one"


class CallerSettings(Section):
    """How callers are verified (docs/contract.md#callers)."""

    verifier: Annotated[
        Annotated[Name, Tag("[one]")] | Annotated[tuple[Name, ...], Tag("[several]"), Field(min_length=1)],
        Discriminator(_how_many),
        Field(
            description="what verifies tokens; of a list, the first that knows a token's issuer decides, and no other"
            " is asked. `development` accepts every bearer token, on loopback only"
        ),
    ]
    registry: Annotated[RegistrySettings | None, Field(description=f"tokens known by their SHA-256. {_UNUSED}")] = None
    jwt: Annotated[
        Annotated[
            Annotated[JwtSettings, Tag("[one]")]
            | Annotated[tuple[JwtSettings, ...], Tag("[several]"), Field(min_length=1)],
            Discriminator(_how_many),
        ]
        | None,
        Field(description=f"signed tokens of an identity provider, a cluster or SPIFFE; a list for several. {_UNUSED}"),
    ] = None
    introspection: Annotated[
        IntrospectionSettings | None,
        Field(description=f"an authorisation server that is asked about each token. {_UNUSED}"),
    ] = None
    foundry: Annotated[
        MultipassSettings | None, Field(description=f"a Foundry that is asked about each token. {_UNUSED}")
    ] = None
    kubernetes: Annotated[
        KubernetesSettings | None,
        Field(description=f"a cluster's API server that is asked about each token. {_UNUSED}"),
    ] = None
    certificate: Annotated[
        CertificateSettings | None,
        Field(description=f"callers known by their TLS certificate on the reverse port. {_UNUSED}"),
    ] = None

    @property
    def verifiers(self) -> tuple[Name, ...]:
        """The names of the verifiers, in the order in which they are asked."""
        return self.verifier if isinstance(self.verifier, tuple) else (self.verifier,)

    @property
    def issuers(self) -> tuple[JwtSettings, ...]:
        """The settings of each issuer under `caller.jwt`, also where there is one; empty where there is none."""
        return self.jwt if isinstance(self.jwt, tuple) else (self.jwt,) if self.jwt else ()

    @property
    def by_certificate(self) -> CertificateSettings | None:
        """The settings of the verifier `certificate`; None: it is not among the verifiers."""
        return self.certificate if "certificate" in self.verifiers else None

    @model_validator(mode="after")
    def _each_can_be_reached(self) -> Self:
        for name in self.verifiers:
            if name != "development" and getattr(self, name) is None:
                raise ValueError(f"verifier is {name}, so its settings must stand under caller.{name}")
        if len(self.verifiers) > 1 and "development" in self.verifiers:
            raise ValueError("verifier development accepts every token: write no other beside it")
        if "certificate" in self.verifiers[1:]:
            raise ValueError("write verifier certificate first: a connection shows its certificate before any token")
        for name in self.verifiers[:-1]:
            if name in ("introspection", "foundry"):
                raise ValueError(f"verifier {name} decides about every token that it is asked about: write it last")
        if self.kubernetes and not self.kubernetes.issuer and "jwt" in self.verifiers[_after(self, "kubernetes") :]:
            raise ValueError("verifier kubernetes comes before jwt and takes every JWT: write caller.kubernetes.issuer")
        twice = [
            what
            for what, times in Counter(
                [*self.verifiers, *(f"issuer {own.issuer}" for own in self._by_issuer())]
            ).items()
            if times > 1
        ]
        if twice:
            raise ValueError(f"{twice[0]} is written twice: the second would never be asked")
        return self

    def _by_issuer(self) -> list[JwtSettings | KubernetesSettings]:
        kubernetes = self.kubernetes if "kubernetes" in self.verifiers else None
        return [
            *(self.issuers if "jwt" in self.verifiers else ()),
            *([kubernetes] if kubernetes and kubernetes.issuer else []),
        ]


def _after(settings: CallerSettings, name: Name) -> int:
    return settings.verifiers.index(name) + 1 if name in settings.verifiers else len(settings.verifiers)
