"""What the image holds beside Debian and Python, as CycloneDX 1.6: ``python -m tests.deploy.sbom >sbom.json``.

Made from the pins alone, so that the same pins give the same text. Each component has the SHA-256 of every file that
pip may install for it.
"""

import json
import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packaging.markers import Marker

from addons.values.version import VERSION

PINS: Final = Path(__file__).parent.parent.parent / "deploy/requirements.txt"
IMAGE: Final = {
    "sys_platform": "linux",
    "os_name": "posix",
    "platform_system": "Linux",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "python_full_version": "3.13.0",
    "python_version": "3.13",
}
"""Where the image's Python runs: packages for elsewhere are not in it."""

_PIN: Final = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+))?")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def sbom(pins: str) -> dict[str, Any]:
    """A document of CycloneDX 1.6, of a requirements file with hashes."""
    components = list(_components(pins))
    own = {"type": "application", "name": "foundry-sidecar", "version": VERSION, "bom-ref": "foundry-sidecar"}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, VERSION + pins)}",
        "version": 1,
        "metadata": {"component": own},
        "components": components,
        "dependencies": [{"ref": "foundry-sidecar", "dependsOn": [each["bom-ref"] for each in components]}],
    }


def _components(pins: str) -> Iterator[dict[str, Any]]:
    for block in re.split(r"\n(?=[a-z])", pins):
        if not (found := _PIN.match(block)):
            continue
        if found["marker"] and not Marker(found["marker"].strip()).evaluate(IMAGE):
            continue
        purl = f"pkg:pypi/{found['name']}@{found['version']}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": found["name"],
            "version": found["version"],
            "purl": purl,
            "hashes": [{"alg": "SHA-256", "content": each} for each in _HASH.findall(block)],
        }


if __name__ == "__main__":
    json.dump(sbom(PINS.read_text()), sys.stdout, indent=1)
    print()  # noqa: T201 - its report
