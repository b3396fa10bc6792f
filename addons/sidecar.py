"""The one script mitmproxy loads: settings in, addons out. It defines no classes (docs/mitmproxy.md#the-script)."""

import os
from functools import partial
from pathlib import Path

from addons import assembly
from addons.cassettes.cassette_writer import CassetteWriter
from addons.configuration import loading, meaning, overrides
from addons.configuration.changing import SettingsSource
from addons.process import logs

os.umask(0o077)  # whatever is written, by mitmproxy too
_file = os.environ.get(overrides.FILE_VARIABLE)
_path = Path(_file) if _file else None
_settings = loading.load(_path)
logs.configure(_settings.log.format)

addons = assembly.assemble(
    _settings,
    inspect=bool(os.environ.get(overrides.INSPECT_VARIABLE)),
    source=SettingsSource(_path, partial(loading.load, _path)),
    cassette=CassetteWriter(
        Path(_record), "kept" if os.environ.get(overrides.RECORD_CONTENT_VARIABLE) == "kept" else "redacted"
    )
    if (_record := os.environ.get(overrides.RECORD_VARIABLE))
    else None,
)

meaning.warn(_settings)
