"""What the description of a key says of its default."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NUMBER: Final = re.compile(r"\bDefault (\d[\d,]*(?:\.\d+)?)(?: ([KMG]iB))?[:;]")
_UNITS: Final = {None: 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def numbers(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any, float | None]]:
    """The keys of a section, or of a whole schema, whose default is a number: that, and what is told of it."""
    for section, described in {"": schema, **schema.get("$defs", {})}.items():
        for key, about in described.get("properties", {}).items():
            default = about.get("default")
            if isinstance(default, int | float) and not isinstance(default, bool):
                found = _NUMBER.search(about.get("description", ""))
                told = float(found[1].replace(",", "")) * _UNITS[found[2]] if found else None
                yield f"{section}.{key}".lstrip("."), default, told
