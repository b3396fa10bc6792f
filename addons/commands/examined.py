"""What ``check`` and ``start`` find in a configuration: the same, in the same words."""

from pathlib import Path

from addons import assembly
from addons.configuration.errors import ConfigurationError
from addons.configuration.file_checks import faults
from addons.configuration.loading import load_with_origin
from addons.configuration.settings import Settings


def examined(config: Path | None, *, with_files: bool = True) -> Settings:
    """The settings, with every file and secret they name looked at, unless they lie on another machine.

    Raises:
        ConfigurationError: a setting, or a file or secret it names, is wrong; a line for each.
    """
    settings, origin = load_with_origin(config)
    if not with_files:
        return settings
    if found := [origin.message(keys, why) if keys else why for keys, why in faults(settings)]:
        raise ConfigurationError("\n".join(found))
    try:
        assembly.assemble(settings)
    except (OSError, ValueError) as error:
        raise ConfigurationError(str(error)) from None
    return settings
