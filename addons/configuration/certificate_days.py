"""When the certificates that the settings name expire. One that expires unnoticed ends all calls."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from addons.configuration.file_checks import files
from addons.configuration.settings import Settings
from addons.values.small_file import FileError, read_small

LASTS: Final = {"certificate": min, "trusted_ca": max}
"""By the last key of a setting: a chain expires with its first certificate, a bundle of authorities with its last."""

_DAY: Final = 86_400.0  # seconds


def days_to_expiry(settings: Settings) -> Iterator[tuple[str, float]]:
    """Each setting that names certificates in use, as a dotted key, with the days until they expire.

    Days are fractions, and negative after the expiry. Reads the files. One that can't be read is left out: the part
    that uses it says so.
    """
    now = datetime.now(UTC)
    for keys, path in files(settings).items():
        if lasts := LASTS.get(str(keys[-1])):
            try:
                found = x509.load_pem_x509_certificates(read_small(path))
            except (FileError, ValueError):
                continue
            ends = lasts(each.not_valid_after_utc for each in found)
            yield ".".join(map(str, keys)), (ends - now).total_seconds() / _DAY
