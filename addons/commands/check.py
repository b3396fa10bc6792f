"""``check`` and ``schema``: what is in force, and what may be written."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

from addons.commands.examined import examined
from addons.configuration import meaning
from addons.configuration.file_checks import files, secrets
from addons.configuration.fingerprint import judged_by, policy_hash
from addons.configuration.loading import load
from addons.configuration.meaning import attestation_notes
from addons.configuration.model_notes import model_notes
from addons.configuration.policy_listing import old_sources
from addons.configuration.settings import Settings
from addons.foundry.overlay import differences
from addons.foundry.shipped_models import SHIPPED
from addons.provider_credentials.build import describe
from addons.values.version import VERSION

PROXY_VARIABLES: Final = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
"""Where other programs find a proxy."""


def check(config: Path | None, *, with_files: bool = True) -> int:
    """Validates, and prints the effective settings and the models callers may use. Secrets stay references.

    Without files it looks at no file, secret or name of this machine, for a configuration that is for another.

    Raises:
        ConfigurationError: a setting, or a file or secret it names, is wrong.
    """
    settings = examined(config, with_files=with_files)
    writer = YAML()
    writer.default_flow_style = False
    print(f"# in force: {config or 'development mode, no file'}, then SIDECAR_… from the environment, then --set")
    writer.dump(settings.model_dump(mode="json", exclude_none=True), sys.stdout)
    print("\n# models callers may use today")
    today = datetime.now(UTC).date()
    for model, regions in meaning.catalogue_of(settings).available(today):
        ends = f", until {model.shutdown}" if model.shutdown else ""
        print(f"{model.rid} -> {model.provider_model} ({', '.join(regions)}{ends})")
    print(f"\n# callers are checked by: {', then '.join(settings.caller.verifiers)}")
    for allowed in settings.provider.allowed_regions:
        print(f"# region {allowed} uses {describe(settings.provider.regions[allowed].credential)}")
    print(f"# {_way_out(settings, os.environ if with_files else {})}")
    print(f"# zero data retention: {settings.provider.zero_data_retention or 'not attested'}")
    print(f"# version {VERSION}")
    for name, value in judged_by(settings).items():
        if name.endswith(".hash"):
            print(f"# {name} {value}")
    if candidate := settings.policy.candidate:
        tried = policy_hash(load(candidate)) if with_files else "not looked at"
        print(f"# policy.candidate {candidate}: policy.hash {tried}")
    notes = (
        *attestation_notes(settings, today),
        *model_notes(settings, today),
        *old_sources(settings, today),
        *_notes(settings),
    )
    for note in notes:
        print(f"# note: {note}")
    if not with_files:
        for line in _not_looked_at(settings):
            print(f"# not looked at: {line}")
    return 0


def _way_out(settings: Settings, environment: Mapping[str, str]) -> str:
    """How the provider is reached."""
    proxy = settings.provider.proxy
    way = f"through {proxy.url}, as provider.proxy says" if proxy else "directly; to use a proxy, write provider.proxy"
    unread = [name for name in PROXY_VARIABLES if environment.get(name)]
    return f"connections to the provider go {way}" + (
        f"; {', '.join(unread)} in the environment is not read" if unread else ""
    )


def schema() -> int:
    """Prints the JSON Schema of the configuration file."""
    print(json.dumps(Settings.model_json_schema(), indent=2))
    return 0


def _notes(settings: Settings) -> Iterator[str]:
    """What is right, and may surprise."""
    for region, place in meaning.endpoints(settings).items():
        if not meaning.is_documented(region, place):
            yield f"region {region} goes to {place.url}, which is not OpenAI's documented host for it"
    for name, address in meaning.foundry_addresses(settings).items():
        where = f"{address[0]}:{address[1]}" if address else "its address by DNS, port 443"
        yield f"other paths of {name} are forwarded to Foundry ({where}) with the caller's own token"
    for rid, member, shipped, now in differences(SHIPPED, meaning.rows(settings)):
        if member != "prices":
            yield f"{rid} differs from the shipped catalogue: {member} is {now!r}, shipped {shipped!r}"
    yield from meaning.advice(settings)
    if not settings.limits.rates:
        yield "no limits of tokens or requests a minute: write limits.enrollment, limits.project or limits.user"
    if settings.usage.ledger == "memory":
        yield (
            "usage.ledger is memory: a process that is killed takes with it the rows that usage.shared does not have"
            f" yet, {settings.usage.memory_rows} at most (usage.memory_rows)"
        )
    if settings.usage.ledger is None:
        ledger = settings.usage.path(settings.listen.certificates)
        yield f"usage.ledger is {ledger}, which every configuration with these listen.certificates shares"


def _not_looked_at(settings: Settings) -> Iterator[str]:
    for keys, secret in secrets(settings).items():
        where = f"environment variable {secret.env}" if secret.env else f"file {secret.file}"
        yield f"{'.'.join(map(str, keys))}: {where}"
    for keys, path in files(settings).items():
        yield f"{'.'.join(map(str, keys))}: file {path}"
