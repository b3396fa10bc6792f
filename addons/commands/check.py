"""``check`` and ``schema``: what is in force, and what may be written."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from ruamel.yaml import YAML

from addons import assembly
from addons.configuration import loading, meaning
from addons.configuration.errors import ConfigurationError
from addons.configuration.file_checks import check_files
from addons.configuration.model_notes import model_notes
from addons.configuration.policy_listing import old_sources
from addons.configuration.settings import Settings
from addons.provider_credentials.build import told


def check(config: Path | None) -> int:
    """Validates, and prints the effective settings and the models callers may use. Secrets stay references.

    Raises:
        ConfigurationError: as ``loading.load``, or a file the settings name is wrong.
    """
    settings = loading.load(config)
    try:
        check_files(settings)
        assembly.assemble(settings)
    except (OSError, ValueError) as error:
        raise ConfigurationError(str(error)) from None
    writer = YAML()
    writer.default_flow_style = False
    print(f"# in force: {config or 'development mode, no file'}, then SIDECAR_… from the environment")
    writer.dump(settings.model_dump(mode="json", exclude_none=True), sys.stdout)
    print("\n# models callers may use today")
    today = datetime.now(UTC).date()
    for model, regions in meaning.catalogue_of(settings).available(today):
        ends = f", until {model.shutdown}" if model.shutdown else ""
        print(f"{model.rid} -> {model.provider_model} ({', '.join(regions)}{ends})")
    for note in (*model_notes(settings, today), *old_sources(settings, today)):
        print(f"# note: {note}")
    print(f"\n# callers are checked by: {', then '.join(settings.caller.verifiers)}")
    for allowed in settings.provider.allowed_regions:
        print(f"# region {allowed} is opened by {told(settings.provider.regions[allowed].credential)}")
    for region, place in meaning.endpoints(settings).items():
        if not meaning.is_documented(region, place):
            print(f"# note: region {region} goes to {place.url}, which is not OpenAI's documented host for it")
    for name, address in meaning.foundry_addresses(settings).items():
        where = f"{address[0]}:{address[1]}" if address else "where the name leads, port 443"
        print(f"# note: other paths of {name} are passed on to Foundry ({where}) with the caller's own token")
    if not settings.limits.rates:
        print(
            "# note: no limits of tokens or requests a minute: write limits.enrollment, limits.project or limits.user"
        )
    return 0


def schema() -> int:
    """Prints the JSON Schema of the configuration file."""
    print(json.dumps(Settings.model_json_schema(), indent=2))
    return 0
