"""run.sh as a person meets it: a copy of the checkout, a PATH with what the case puts there, no network."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

RUN_SH = Path(__file__).parent.parent / "run.sh"
REAL = os.path.realpath(sys.executable)
BASH = shutil.which("bash") or "bash"
# All that run.sh calls, so that a Python of this machine is on PATH only where a case says so.
TOOLS = ("awk", "cmp", "cp", "dirname", "find", "grep", "ls", "mkdir", "mv", "rm", "tail", "tee")

NO_NETWORK = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}

# What each Python on PATH is. The unfit ones answer run.sh's own question, asked of a real Python made to look unfit.
WORKS = f'exec {REAL} "$@"'
TOO_OLD = f"""exec {REAL} -c 'import sys; sys.version_info = (3, 11, 7); exec(sys.argv[-1])' "$@" """
NO_ENSUREPIP = f"""exec {REAL} -c 'import sys; sys.modules["ensurepip"] = None; exec(sys.argv[-1])' "$@" """
BROKEN_SHIM = 'echo "pyenv: python: command not found" >&2; exit 127'
# Fit, and known by its own path; its virtual environments fail, which ends the script at once.
MARKED = f"""case $1 in
  -E) exec {REAL} -c 'import sys; sys.executable = sys.argv[1]; exec(sys.argv[-1])' "$0" "$@" ;;
  -c) exec {REAL} "$@" ;;
  *) exit 1 ;;
esac"""

# Stands in for the sidecar's commands: tells what it was given, and ends as it is told.
COMMAND = """
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "path": os.environ["PYTHONPATH"],
                  "safe": sys.flags.safe_path, "prefix": sys.prefix}))
sys.exit(int(os.environ.get("ENDS_WITH", "0")))
"""
PYTEST = """
import os, sys
def main():
    print(os.getcwd(), *sys.argv[1:])
    return int(os.environ["ENDS_WITH"])
"""


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def program(path: Path, script: str) -> Path:
    put(path, f"#!/bin/sh\n{script}\n").chmod(0o755)
    return path


class Checkout:
    """A copy of run.sh amid stand-ins; every place it looks for a Python in lies under `machine`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.machine = folder / "machine"
        self.venv = self.root / ".venv"
        script = RUN_SH.read_text()
        for place in ("/usr/local/bin/", "/opt/"):
            assert f" {place}" in script
            script = script.replace(f" {place}", f" {self.machine}{place}")
        put(self.root / "run.sh", script)
        put(self.root / "deploy/requirements.txt", "# runtime\n")
        put(self.root / "tests/requirements.txt", "# runtime and tests\n")
        put(self.root / "addons/__init__.py", "")
        put(self.root / "addons/__main__.py", COMMAND)
        put(self.root / "tests/__init__.py", "")
        put(self.root / "tests/bench/__main__.py", COMMAND)
        put(self.root / "tests/evidence/__main__.py", COMMAND)
        put(self.root / "pytest.py", PYTEST)
        self.path = self.machine / "path"
        self.path.mkdir(parents=True)
        for tool in TOOLS:
            (self.path / tool).symlink_to(shutil.which(tool) or pytest.fail(f"no {tool} here"))

    def start(self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] = {}) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [BASH, os.path.relpath(self.root / "run.sh", cwd or self.root), *arguments],
            cwd=cwd or self.root,
            env={"PATH": str(self.path), "HOME": str(self.machine / "home"), **NO_NETWORK, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, cwd=cwd, env=env)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def working(checkout: Checkout) -> Checkout:
    """With a fit Python on PATH."""
    program(checkout.path / "python3.13", WORKS)
    return checkout


@pytest.fixture
def provided(checkout: Checkout) -> dict[str, str]:
    """The variable that names an environment made by other means, as in a container image."""
    venv = checkout.machine / "image-venv"
    subprocess.run([REAL, "-m", "venv", "--without-pip", venv], check=True)
    return {"SIDECAR_VENV": str(venv)}


def told(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert result.returncode == 0, result.stderr
    heard: dict[str, Any] = json.loads(result.stdout)
    return heard


def test_no_fit_python_is_said_with_all_that_was_looked_at(checkout: Checkout) -> None:
    shim = program(checkout.path / "python3.13", BROKEN_SHIM)
    old = program(checkout.path / "python3", TOO_OLD)
    bare = program(checkout.machine / "home/.pyenv/versions/3.13.9/bin/python3", NO_ENSUREPIP)
    result = checkout.run("check")
    assert (result.returncode, result.stdout) == (2, "")
    assert f"  {shim}: does not run: pyenv: python: command not found\n" in result.stderr
    assert f"  {old}: 3.11.7, too old\n" in result.stderr
    real_version = "{}.{}".format(*sys.version_info)
    assert f"  {bare}: {real_version}." in result.stderr
    assert f"apt install python{real_version}-venv\n" in result.stderr
    assert "SIDECAR_PYTHON=/path/to/python3.13 ./run.sh" in result.stderr
    assert not checkout.venv.exists()


def test_nothing_at_all_is_said_too(checkout: Checkout) -> None:
    result = checkout.run()
    assert (result.returncode, result.stdout) == (2, "")
    assert "nothing was found" in result.stderr


@pytest.mark.parametrize(
    ("script", "complaint"), [(TOO_OLD, "3.11.7, too old"), (BROKEN_SHIM, "does not run"), (None, "does not run")]
)
def test_an_unfit_sidecar_python_is_an_error_even_beside_a_fit_one(
    working: Checkout, script: str | None, complaint: str
) -> None:
    chosen = working.machine / "chosen"
    if script is not None:
        program(chosen, script)
    result = working.run("check", env={"SIDECAR_PYTHON": str(chosen)})
    assert result.returncode == 2
    assert f"SIDECAR_PYTHON={chosen} is not fit: {complaint}" in result.stderr
    assert not working.venv.exists()


@pytest.mark.parametrize(
    "place",
    [
        "path/python3.13",
        "path/python3.14",
        "path/python3.15",
        "path/python",
        "home/.pyenv/versions/3.14.1/bin/python3",
        "home/.local/bin/python3.13",
        "usr/local/bin/python3.13",
        "opt/python/bin/python3",
        "found-by-uv/python",
    ],
)
def test_unfit_ones_are_passed_over_for_a_fit_one_anywhere(checkout: Checkout, place: str) -> None:
    program(checkout.path / "python3", TOO_OLD)
    program(checkout.path / "python3.13", BROKEN_SHIM)
    program(checkout.machine / "home/.pyenv/versions/2.7.18/bin/python3", TOO_OLD)
    fit = program(checkout.machine / place, MARKED)
    if "uv" in place:
        program(checkout.path / "uv", f"echo {fit}")
    result = checkout.run("check")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"could not make {checkout.venv} with {fit}" in result.stderr


def test_the_first_run_sets_up_and_the_next_does_not(working: Checkout, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    first = working.run("check", "--config", "my file.yaml", cwd=elsewhere, env={"PYTHONPATH": "/theirs"})
    assert f"Setting up {working.venv}" in first.stderr
    assert told(first) == {
        "argv": ["check", "--config", "my file.yaml"],
        "cwd": str(elsewhere),
        "path": f"{working.root}:/theirs",
        "safe": True,
        "prefix": str(working.venv),
    }
    second = working.run("check")
    assert told(second)["argv"] == ["check"]
    assert second.stderr == ""


def test_changed_requirements_start_afresh(working: Checkout) -> None:
    told(working.run())
    leftover = put(working.venv / "leftover", "")
    put(working.root / "deploy/requirements.txt", "# newer\n")
    again = working.run()
    assert "Setting up" in again.stderr
    assert told(again)["prefix"] == str(working.venv)
    assert not leftover.exists()


def test_the_tests_requirements_come_on_top_and_serve_the_commands_too(working: Checkout) -> None:
    told(working.run())
    kept = put(working.venv / "kept", "")
    assert "Setting up" in working.run("bench").stderr
    assert kept.exists()
    for command in ("bench", "check"):
        assert working.run(command).stderr == ""


@pytest.mark.parametrize("command", ["bench", "evidence"])
def test_measurements_are_run_with_their_own_arguments(
    command: str, checkout: Checkout, provided: dict[str, str], tmp_path: Path
) -> None:
    ran = told(checkout.run(command, "--quick", "--json", "my file.json", cwd=tmp_path, env=provided))
    assert (ran["argv"], ran["cwd"]) == (["--quick", "--json", "my file.json"], str(tmp_path))


def test_a_failed_set_up_is_not_taken_for_done(working: Checkout) -> None:
    pins = working.root / "deploy/requirements.txt"
    put(pins, f"./absent.whl --hash=sha256:{'0' * 64}\n")
    failed = working.run()
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "absent.whl" in failed.stderr
    assert f"installing {pins} failed" in failed.stderr
    assert not (working.venv / "run.sh.pins").exists()
    put(pins, "")
    told(working.run())


def test_an_interrupted_set_up_is_repaired(working: Checkout) -> None:
    told(working.run())
    (working.venv / "run.sh.pins").unlink()
    (working.venv / "bin/pip").unlink()
    (working.venv / "pyvenv.cfg").unlink()
    assert told(working.run())["prefix"] == str(working.venv)
    assert (working.venv / "bin/pip").exists()


def test_another_sidecar_python_makes_another_environment(working: Checkout) -> None:
    told(working.run())
    assert working.run(env={"SIDECAR_PYTHON": REAL}).stderr == ""
    other = program(working.machine / "other", MARKED)
    assert f"with {other}" in working.run(env={"SIDECAR_PYTHON": str(other)}).stderr


def test_two_at_once_set_up_one_after_the_other(working: Checkout) -> None:
    processes = [working.start("check") for _ in range(2)]
    ends = [(*process.communicate(), process.returncode) for process in processes]
    assert [code for *_, code in ends] == [0, 0], ends
    assert sum(err.count("Setting up") for _, err, _ in ends) == 1


def test_an_environment_made_by_other_means_is_used_as_it_is(checkout: Checkout, provided: dict[str, str]) -> None:
    result = checkout.run("check", env=provided)
    assert result.stderr == ""
    assert told(result)["prefix"] == provided["SIDECAR_VENV"]


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        (".venv", "was not made by run.sh. Remove it"),
        ("folder", "neither a virtual environment nor an empty folder"),
        ("folder/theirs/venv", "Name another place for the environment"),
    ],
)
def test_what_belongs_to_others_is_left_alone(working: Checkout, place: str, complaint: str) -> None:
    for folder in (".venv", "folder"):
        put(working.root / folder / "theirs", "precious")
    result = working.run("check", env={} if place == ".venv" else {"SIDECAR_VENV": place})
    assert (result.returncode, result.stdout) == (2, "")
    assert complaint in result.stderr
    for folder in (".venv", "folder"):
        assert [path.name for path in (working.root / folder).iterdir()] == ["theirs"]


@pytest.mark.parametrize("code", [0, 1, 2, 7])
def test_the_commands_exit_code_is_ours(checkout: Checkout, provided: dict[str, str], code: int) -> None:
    assert checkout.run("check", env={"ENDS_WITH": str(code), **provided}).returncode == code


@pytest.mark.parametrize(("pytest_code", "code"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 2)])
def test_pytest_runs_from_the_root_and_ends_in_our_codes(
    checkout: Checkout, provided: dict[str, str], tmp_path: Path, pytest_code: int, code: int
) -> None:
    result = checkout.run("test", "-q", "tests/a", cwd=tmp_path, env={"ENDS_WITH": str(pytest_code), **provided})
    assert result.returncode == code
    root = checkout.root
    given = [f"{root}", "-c", f"{root}/pyproject.toml", "--rootdir", f"{root}"]
    assert result.stdout.split() == [*given, "-n", "auto", "--dist", "loadfile", "-q", "tests/a"]


@pytest.mark.parametrize("asked", [["-n", "3"], ["-n3"], ["--numprocesses=3"], ["--pdb"]], ids=" ".join)
def test_on_as_many_cores_as_asked(checkout: Checkout, provided: dict[str, str], asked: list[str]) -> None:
    result = checkout.run("test", *asked, env=provided)
    assert result.stdout.split()[5:] == ["-n", "0", *asked]
