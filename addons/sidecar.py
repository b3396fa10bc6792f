"""The one script mitmproxy loads: settings in, addons out. It defines no classes (MITMPROXY §6)."""

import os
from functools import partial
from pathlib import Path

from addons import assembly, configuration, meaning
from addons.cassettes.tape import Tape
from addons.process import logs
from addons.process.reload import Source

_file = os.environ.get(configuration.FILE_VARIABLE)
_path = Path(_file) if _file else None
_settings = configuration.load(_path)
logs.configure(_settings.log.format)

addons = assembly.assemble(
    _settings,
    inspect=bool(os.environ.get(configuration.INSPECT_VARIABLE)),
    source=Source(_path, partial(configuration.load, _path)),
    tape=Tape(Path(_record), "kept" if os.environ.get(configuration.RECORD_CONTENT_VARIABLE) == "kept" else "redacted")
    if (_record := os.environ.get(configuration.RECORD_VARIABLE))
    else None,
)

meaning.warn(_settings)
