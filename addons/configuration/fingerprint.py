"""Which policy and which configuration judge a call, as hashes that a record can be matched by with a file in git.

Both are made of values, so that comments, order and spelling make no difference, nor the directory a file lies in; and
of nothing that changes by itself, such as the day.
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
"""Hexadecimal; of fewer, a second policy with the same hash might be found by trying."""

_NOT_JUDGING: Final = {"candidate", "review_days", "safety_identifier"}
"""Keys of ``policy`` that decide nothing about a call, or only whether a name is made for the caller."""


def judged_by(settings: Settings) -> dict[str, str]:
    """What every record says of the rules its call was judged by."""
    return {
        "policy.hash": policy_hash(settings),
        "configuration.hash": configuration_hash(settings),
        "provider.zero_data_retention": "attested" if is_attested(settings) else "not attested",
    }


def policy_hash(settings: Settings) -> str:
    """Of what is decided, and why: every row of the tables, headers, models, and the settings that decide of them."""
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
    """Of the whole configuration: defaults, file, variables and options. Secrets are in it by their reference alone."""
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
