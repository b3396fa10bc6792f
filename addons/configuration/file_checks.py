"""Looks at files that would otherwise be noticed only at the first call."""

import ssl

from addons.configuration.settings import Settings
from addons.stores import ledger_file


def check_files(settings: Settings) -> None:
    """
    Raises:
        ValueError: a certificate file is missing or holds no certificate, or the ledger can't be used; names the
            setting.
    """
    if trusted := settings.provider.trusted_ca:
        try:
            ssl.create_default_context(cafile=str(trusted))
        except OSError as error:
            raise ValueError(f"provider.trusted_ca: {trusted} is not a PEM bundle of certificates: {error}") from None
    if tls := settings.listen.tls:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
        except OSError as error:
            raise ValueError(
                f"listen.tls: {tls.certificate} and {tls.key} are not a certificate and its key: {error}"
            ) from None
    if path := settings.usage.path(settings.listen.certificates):
        try:
            ledger_file.check(path)
        except ledger_file.LedgerError as error:
            raise ValueError(f"usage.ledger: {error}") from None
