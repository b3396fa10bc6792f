"""Hashes of the policy and of the configuration, by which a record is matched with a file in git.

Both are made of values: comments, the order of keys, and the directory of the file make no difference. Nothing that
changes by itself is in them, such as the day (docs/contract.md#records).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from addons.apis.row_listing import listed
from addons.configuration.meaning import catalogue_of, is_attested
from addons.configuration.settings import Settings
from addons.foundry.request_headers import HEADERS

DIGITS: Final = 32
"""Hexadecimal digits of a hash, 128 bits. With far fewer, a second policy with the same hash could be found."""

_NOT_JUDGING: Final = {"candidate", "review_days", "safety_identifier"}
"""Keys of ``policy`` that decide nothing about a call. Of ``safety_identifier``, only whether it is set counts."""


def judged_by(settings: Settings) -> dict[str, str]:
    """What every record says of the rules that judged its call: fields of the record, with their values."""
    return {
        "policy.hash": policy_hash(settings),
        "configuration.hash": configuration_hash(settings),
        "provider.zero_data_retention": "attested" if is_attested(settings) else "not attested",
    }


def policy_hash(settings: Settings) -> str:
    """The hash of every row of the tables with decision and reason, of headers, models and the settings that decide."""
    policy = settings.policy
    return _hash({
        "rows": [
            [row.api, row.kind, row.name, row.decision, row.rule, row.reason, row.remedy, row.setting, row.members]
            for row in listed(policy)
        ],
        "headers": [[name, row.decision, row.reason] for name, row in HEADERS.items()],
        "models": [
            model.model_dump(mode="json", exclude={"prices", "source"}) for model in catalogue_of(settings).models
        ],
        "plain_names": settings.models.allow_plain_names,
        "regions": settings.provider.allowed_regions,
        "attested": is_attested(settings),
        "settings": policy.model_dump(mode="json", exclude=_NOT_JUDGING),
        "pseudonyms": policy.safety_identifier is not None,
    })  # fmt: skip


def configuration_hash(settings: Settings) -> str:
    """The hash of the whole configuration: defaults, file, variables and options. Of secrets it holds the reference."""
    return _hash(settings.as_written.model_dump(mode="json"))


def changed_keys(old: Settings, new: Settings) -> list[str]:
    """The settings that differ, as dotted keys; no values."""
    return list(_differing(old.model_dump(mode="json"), new.model_dump(mode="json"), ()))


def _differing(old: Any, new: Any, keys: tuple[str, ...]) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            yield from _differing(old.get(key), new.get(key), (*keys, str(key)))
    elif old != new:
        yield ".".join(keys)


def _hash(values: object) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
