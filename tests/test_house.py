"""What holds of the house as a whole, whoever works on it."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
ADDONS = ROOT / "addons"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = [Requirement(each) for each in PROJECT["project"]["dependencies"]]
TEST = [Requirement(each) for each in PROJECT["dependency-groups"]["test"]]
RUNTIME_PINS = ROOT / "deploy/requirements.txt"
TEST_PINS = ROOT / "tests/requirements.txt"
SEVERITIES = {"debug", "info", "warning", "error", "critical", "exception"}
MOST_LINES = 250
SCRIPTS = ("run.sh", ".ci/run", ".ci/newer-mitmproxy", "deploy/Dockerfile")


def pins(path: Path) -> dict[str, str]:
    """Pinned version by distribution; a line may be a pin with its hashes or a comment, and nothing else."""
    found: dict[str, str] = {}
    for line in path.read_text().replace("\\\n", " ").splitlines():
        if line.startswith("#"):
            continue
        pin, *hashes = (each.strip() for each in line.split("--hash=sha256:"))
        requirement = Requirement(pin)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", pin
        assert hashes, pin
        assert all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes), pin
        found[canonicalize_name(requirement.name)] = specifier.version
    return found


@pytest.mark.parametrize(
    ("path", "declared"), [(RUNTIME_PINS, RUNTIME), (TEST_PINS, RUNTIME + TEST)], ids=["runtime", "test"]
)
def test_every_dependency_is_pinned_within_its_bounds(path: Path, declared: list[Requirement]) -> None:
    pinned = pins(path)
    for requirement in declared:
        version = pinned.get(canonicalize_name(requirement.name), "none")
        assert version != "none", f"{path}: lacks {requirement.name}; run the command at its top"
        assert version in requirement.specifier, f"{path}: {requirement} has {version}; run the command at its top"


def test_the_test_pins_contain_the_runtime_pins() -> None:
    assert pins(RUNTIME_PINS).items() <= pins(TEST_PINS).items(), "remake tests/requirements.txt by the line at its top"


@pytest.mark.parametrize("path", [RUNTIME_PINS, TEST_PINS], ids=["runtime", "test"])
def test_pins_carry_no_addresses(path: Path) -> None:
    assert re.findall(r"\S*://\S*|.*(?:-index|find-links|trusted-host).*| @ .*", path.read_text()) == []


def test_imports_follow_the_house_plan() -> None:
    run = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    result = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    assert f"Contracts: {len(contracts)} kept, 0 broken." in result.stdout


def test_no_name_in_addons_is_taken() -> None:
    """mitmproxy puts the script's folder first on sys.path, where it would hide a module of the same name."""
    names = {path.stem for path in ADDONS.iterdir() if not path.name.startswith("_")}
    assert "foundry" in names
    assert names & (sys.stdlib_module_names | packages_distributions().keys()) == set()


def test_the_script_defines_no_classes() -> None:
    """mitmproxy loads it under a name of its own: a class in it would exist twice."""
    tree = ast.parse((ADDONS / "sidecar.py").read_text())
    assert [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)] == []


def test_modules_stay_small() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in ADDONS.rglob("*.py")}
    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


EXCEPTION = re.compile("#.*(?:noqa|type: ignore|pragma:|shellcheck disable|hadolint ignore)")
REASONED = re.compile(
    r"# (?:ruff: )?noqa: [A-Z]+\d+(?:, [A-Z]+\d+)* - (?P<of_ruff>\S.*)|# type: ignore\[[a-z, -]+\]  # (?P<of_mypy>\S.*)"
)
NO_REASON = re.compile("(?:as|see|the same)(?: (?:said|in))?(?: (?:above|below|there|run|__init__))?")
"""Words that send the reader elsewhere."""


def test_every_exception_from_a_check_says_its_reason() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    sources = [name for name in listed if name.endswith((".py", ".sh", ".pyi")) or name in SCRIPTS]
    lines = [
        (f"{name}:{number}", line)
        for name in sources
        if name != "tests/test_house.py" and (ROOT / name).is_file()
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
        if EXCEPTION.search(line)
    ]
    assert lines
    unreasoned = []
    for where, line in lines:
        found = REASONED.search(line)
        if not found or NO_REASON.fullmatch(found["of_ruff"] or found["of_mypy"]):
            unreasoned.append(where)
    assert unreasoned == []


def test_no_file_carries_a_path_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    assert RUNTIME_PINS in files
    personal = re.compile(rb"(?<![\w.~/}$-])/(?:home|Users|root|work|tmp/w)/[^\s\"'`]*")
    found = {str(path): personal.findall(path.read_bytes()) for path in files if path.is_file()}
    assert {name: paths for name, paths in found.items() if paths} == {}


def test_no_event_has_a_field_that_every_line_of_the_log_has() -> None:
    """Which would take its place: an event's own ``level`` was lost to the severity."""
    every_line = {"event", "level", "logger", "timestamp"}
    fields = [
        (f"{path.relative_to(ROOT)}:{node.lineno}", keyword.arg)
        for path in ADDONS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SEVERITIES
        for keyword in node.keywords
    ]
    assert len(fields) > 50
    assert [field for field in fields if field[1] in every_line] == []


def test_the_assembly_reads_like_the_picture() -> None:
    """A list of parts, each made of those above it: short, and nothing in it is asked later of what comes below."""
    tree = ast.parse((ADDONS / "assembly.py").read_text())
    (assemble,) = (each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == "assemble")
    assert (assemble.end_lineno or 0) - assemble.lineno < 50
    inside = [type(node).__name__ for node in ast.walk(assemble) if node is not assemble]
    assert {"Lambda", "FunctionDef", "AsyncFunctionDef", "ClassDef"} & set(inside) == set()
