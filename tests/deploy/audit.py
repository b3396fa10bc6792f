"""Looks up known vulnerabilities of what an image holds: ``python -m tests.deploy.audit``.

The advisories come from the package index's own JSON API, which not every index serves. Where none can be had this
says so and ends with 0: a build that reaches a mirror alone must not fail for it, nor pass for audited.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.clients.installed import python_of

ROOT: Final = Path(__file__).parent.parent.parent
PINS: Final = ROOT / "deploy/requirements.txt"
SECONDS: Final = 300


def verdict(report: str, complaint: str = "") -> tuple[int, list[str]]:
    """Exit code and lines, from pip-audit's JSON and what it said beside it."""
    try:
        found: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (complaint.strip().splitlines() or ["it said nothing"])[-1]
        return 0, [f"not audited: advisory service unreachable ({last[:200]})"]
    audited = [each for each in found if "vulns" in each]
    bad = [each for each in audited if each["vulns"]]
    lines = [
        f"{each['name']} {each['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'none yet'}"
        for each in bad
        for flaw in each["vulns"]
    ]
    if not audited:
        return 0, [f"not audited: advisory service unreachable (it knows none of {len(found)} packages)"]
    if skipped := [each["name"] for each in found if "vulns" not in each]:
        lines.append(f"not audited: {', '.join(skipped)}")
    return int(bool(bad)), [*lines, f"audited: {len(audited)} of {len(found)} packages, {len(bad)} with known flaws"]


def main() -> int:
    words = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", "15", "-f", "json"]
    command = [str(python_of("audit")), "-m", "pip_audit", *words, "-r", str(PINS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    code, lines = verdict(done.stdout, done.stderr)
    print("\n".join(lines))  # noqa: T201 - its report
    return code


if __name__ == "__main__":
    sys.exit(main())
