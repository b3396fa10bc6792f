"""What the audit makes of pip-audit's report; and under what licences an image's parts come."""

import json
import re
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

import pytest

from tests.deploy.audit import verdict
from tests.test_house import RUNTIME_PINS, pins

GOOD = {"name": "good", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "unknown", "version": "1", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        ([GOOD, GOOD], 0, "audited: 2 of 2 packages, 0 with known flaws"),
        ([GOOD, BAD], 1, "bad 2: CVE-1, fixed in 3"),
        ([BAD, UNKNOWN], 1, "not audited: unknown"),
        ([GOOD, UNKNOWN], 0, "audited: 1 of 2 packages"),
        ([UNKNOWN, UNKNOWN], 0, "not audited: advisory service unreachable (it knows none of 2 packages)"),
        ([], 0, "not audited: advisory service unreachable"),
    ],
)
def test_verdict(found: list[dict[str, Any]], code: int, said: str) -> None:
    told, lines = verdict(json.dumps({"dependencies": found}))
    assert told == code
    assert said in "\n".join(lines)


@pytest.mark.parametrize("report", ["", "not JSON", "[]", "{}"])
def test_a_report_that_is_none(report: str) -> None:
    assert verdict(report, "warning\nConnection refused") == (
        0,
        ["not audited: advisory service unreachable (Connection refused)"],
    )


PERMISSIVE = re.compile(
    r"(?i)\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla Public License|Zlib|Unlicense|0BSD|LGPL)"
)
"""Licences that let an image be handed on; LGPL for libraries that are used as they are."""
UNSAID = {f"mitmproxy-{part}" for part in ("rs", "linux", "macos", "windows")}
"""Those say nothing in their metadata; their repository, mitmproxy's own, is under MIT."""


def test_every_part_of_an_image_may_be_handed_on() -> None:
    said: dict[str, str] = {}
    for name in pins(RUNTIME_PINS).keys() - UNSAID:
        try:
            about = metadata(name)
        except PackageNotFoundError:  # pinned for another platform
            continue
        classifiers = [text for text in about.get_all("Classifier") or () if text.startswith("License")]
        said[name] = " ".join([about.get("License-Expression") or "", about.get("License") or "", *classifiers])
    assert len(said) > 30
    assert {name: text[:100] for name, text in said.items() if not PERMISSIVE.search(text)} == {}
