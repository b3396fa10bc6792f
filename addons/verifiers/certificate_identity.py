"""The caller that a verified client certificate names."""

import re
from typing import Final

from cryptography import x509

from addons.verifiers.grant import SUBJECT_PATTERN

_SPIFFE: Final = "spiffe://"


def identity(certificate: x509.Certificate) -> str:
    """Its SPIFFE id, or else its subject as RFC 4514 writes it (``CN=app,O=Acme``). Empty: it names no caller.

    A SPIFFE id counts where it is the certificate's only URI and the certificate is no authority's (X.509-SVID, §2 and
    §4.1). Where it does not count, the subject does not count either. A name counts that `SUBJECT_PATTERN` matches.
    """
    try:
        uris = _uris(certificate)
        if any(uri.lower().startswith(_SPIFFE) for uri in uris):
            named = uris[0] if len(uris) == 1 and not _is_authority(certificate) else ""
        else:
            named = certificate.subject.rfc4514_string()
    except ValueError:  # extensions or names that can't be read
        return ""
    return named if re.fullmatch(SUBJECT_PATTERN, named) else ""


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
