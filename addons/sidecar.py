"""The one script mitmproxy loads: settings in, addons out. It defines no classes (MITMPROXY §6)."""

import os
from pathlib import Path

from addons import assembly, configuration, logs

_file = os.environ.get(configuration.FILE_VARIABLE)
_settings = configuration.load(Path(_file) if _file else None)
logs.configure(_settings.log.format)

addons = assembly.assemble(_settings, inspect=bool(os.environ.get(configuration.INSPECT_VARIABLE)))

assembly.warn(_settings)
