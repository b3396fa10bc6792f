from collections.abc import Callable
from pathlib import Path

import pytest

from addons.foundry.alarm_names import Alarm
from addons.foundry.caller import SCOPE, Caller, token_hash
from addons.sources import watched_file
from addons.sources.fault import Fault
from addons.values.small_file import FileError
from addons.verifiers.registry import Registry
from tests.sources.raised_alarms import Alarms, a_fault
from tests.values.odd_files import ODD_FILES, put
from tests.verifiers.refusals import run, verdict

HASH = token_hash("alices-token")
OTHER = token_hash("pods-token")
FILE = f"""\
# people
- sha256: {HASH}
  subject: alice
  scopes: [{SCOPE}, "openid"]
# services
- sha256: "{OTHER.upper()}"
  subject: a pod
  scopes: []
  projects: [ri.compass.main.folder.a]
  models: []
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.yaml"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("alices-token", Caller("alice", frozenset({SCOPE, "openid"}))),
        ("pods-token", Caller("a pod", frozenset(), frozenset({"ri.compass.main.folder.a"}), frozenset())),
        ("alices-toke", "INVALID"),
        ("alices-token=", "INVALID"),
        (HASH, "INVALID"),
    ],
)
def test_known_tokens(path: Path, token: str, expected: Caller | str) -> None:
    path.write_text(FILE)
    assert run(verdict(Registry(path, a_fault()), token)) == expected


def test_an_empty_list_knows_nobody(path: Path) -> None:
    path.write_text("[]")
    assert run(verdict(Registry(path, a_fault()), "alices-token")) == "INVALID"


ROW = f"- {{sha256: {HASH}, subject: a, scopes: []}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: write a list of"),
        ("sha256: x", ":1: write a list of"),
        (f"{ROW}- 7\n", ":2: entry: Input should be"),
        (f"{ROW}-\n  subject: b\n  scopes: []\n", ":3: sha256: Field required"),
        (f"{ROW}- sha256: abc\n  subject: b\n  scopes: []\n", ":2: sha256: String should match"),
        (f"{ROW}- sha256: {OTHER}\n  subject: b\n  scopes: [a, b c]\n", ":4: scopes.1: String should match"),
        (f"{ROW}- sha256: {OTHER}\n  subject: b\n  scopes: a\n", ":4: scopes: Input should be a valid frozenset"),
        (f"{ROW}- sha256: {OTHER}\n  subject: ''\n  scopes: []\n", ":3: subject: String should match"),
        (f"{ROW}- sha256: {OTHER}\n  subject: b\n  scopes: []\n  model: []\n", ":5: model: Extra inputs"),
        (f"{ROW}- sha256: {OTHER}\n  subject: b\n  scopes: []\n  models:\n  - gpt-5\n", ":6: models.0: Value error"),
        (f"{ROW}{ROW}", ":2: sha256: two entries have it"),
        (f"{ROW}{ROW.replace(HASH, HASH.upper())}", ":2: sha256: two entries have it"),
        (f"{ROW}- sha256: {OTHER}\n  subject: b\n  subject: c\n", ":4: not YAML: found duplicate key"),
        (f"{ROW}- [", ":2: not YAML"),
        ("- a: \x01", "not YAML"),
        ("- !!python/object/apply:os.getcwd []", ":1: entry"),
    ],
    ids=range(16),
)
def test_a_bad_file_is_an_error_with_its_line(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        Registry(path, a_fault())
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert HASH not in str(caught.value)


BOTH = f"{ROW}- {{sha256: {OTHER}, subject: b, scopes: []}}\n"
WRONG = "- {sha256: x}\n"

# what the file holds later, who is known then (of alice and the pod), whether there is an alarm
LATER: dict[str, tuple[str, list[bool], bool]] = {
    "a row more": (f"{BOTH}- {{sha256: {token_hash('c')}, subject: c, scopes: []}}\n", [True, True], False),
    "a row taken out": (ROW, [True, False], False),
    "both taken out": ("[]", [False, False], False),
    "a mistake beside them": (BOTH + WRONG, [True, True], True),
    "a mistake, and a row taken out": (ROW + WRONG, [True, False], True),
    "a mistake, a hash in capitals": (ROW.replace(HASH, HASH.upper()) + WRONG, [True, False], True),
    "a mistake in what is left alone": (WRONG, [False, False], True),
    "a mistake, and a row made a comment": (ROW + "# " + BOTH.removeprefix(ROW) + WRONG, [True, False], True),
    "a day that is none, and a row taken out": (f"{ROW}- {{since: 2026-02-30}}\n", [True, False], True),
    "no YAML, and a row taken out": (f"[[{ROW}", [True, False], True),
    "another shape": (f"tokens: {{{HASH}: alice}}", [True, False], True),
    "nothing": ("", [True, True], True),
}


@pytest.mark.parametrize(("text", "known", "alarm"), LATER.values(), ids=LATER)
def test_the_file_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, text: str, known: list[bool], alarm: bool
) -> None:
    monkeypatch.setattr(watched_file, "_LOOK_EVERY", 0.0)
    alarms = Alarms()
    path.write_text(BOTH)
    registry = Registry(path, Fault(Alarm.CALLER_REGISTRY, alarms))
    path.write_text(text)
    for _ in range(2):
        assert [run(registry.knows(token)) for token in ("alices-token", "pods-token")] == known
        assert [run(verdict(registry, token)) != "INVALID" for token in ("alices-token", "pods-token")] == known
        assert alarms.names == [Alarm.CALLER_REGISTRY] * alarm
        assert [str(path) in why for why in run(registry.missing())] == [True] * alarm
    path.write_text(BOTH + "# mended")
    assert run(registry.missing()) == []
    assert run(verdict(registry, "pods-token")) != "INVALID"


@pytest.mark.parametrize(("make", "message"), ODD_FILES.values(), ids=ODD_FILES)
def test_swapped_for_an_odd_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], message: str
) -> None:
    monkeypatch.setattr(watched_file, "_LOOK_EVERY", 0.0)
    alarms = Alarms()
    path.write_text(FILE)
    registry = Registry(path, Fault(Alarm.CALLER_REGISTRY, alarms))
    put(make, path)
    assert run(verdict(registry, "alices-token")) != "INVALID", "nothing can be told of who was taken out"
    ((name, why),) = alarms.raised
    assert name == Alarm.CALLER_REGISTRY
    assert message in why
    with pytest.raises(FileError, match=message):
        Registry(path, a_fault())
