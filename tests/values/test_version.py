import tomllib
from pathlib import Path

from addons.values.version import VERSION


def test_the_program_says_the_version_of_its_project() -> None:
    project = tomllib.loads((Path(__file__).parent.parent.parent / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
