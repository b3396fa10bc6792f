"""pyproject.toml says the version once; all else that says it is held to that."""

import re
import tomllib
from pathlib import Path

from addons.configuration.record_keeping import ABOUT
from addons.journal import conventions
from addons.values.version import VERSION

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_program_says_the_version_of_its_project() -> None:
    assert PROJECT["version"] == VERSION


def test_records_and_metrics_say_it() -> None:
    assert ABOUT[conventions.SERVICE_VERSION] == VERSION


def test_the_image_says_it() -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]+)"', (ROOT / "deploy/Dockerfile").read_text()))
    given = {"source": "$SOURCE", "revision": "$REVISION"}
    assert labels == {"title": PROJECT["name"], "version": VERSION, "licenses": PROJECT["license"], **given}


def test_the_changelog_has_it_on_top() -> None:
    sections = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert next(each for each in sections if each != "Unreleased") == VERSION
