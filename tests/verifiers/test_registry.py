import logging
from pathlib import Path

import pytest

from addons.foundry.caller import SCOPE, Caller, token_hash
from addons.verifiers import watched_file
from addons.verifiers.registry import Registry
from addons.verifiers.watched_file import FileError
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
    assert run(verdict(Registry(path), token)) == expected


def test_an_empty_list_knows_nobody(path: Path) -> None:
    path.write_text("[]")
    assert run(verdict(Registry(path), "alices-token")) == "INVALID"


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
        (f"{ROW}{ROW}", ":2: sha256: stands in the file twice"),
        (f"{ROW}{ROW.replace(HASH, HASH.upper())}", ":2: sha256: stands in the file twice"),
        (f"{ROW}- sha256: {OTHER}\n  subject: b\n  subject: c\n", ":4: is not YAML: found duplicate key"),
        (f"{ROW}- [", ":2: is not YAML"),
        ("- a: \x01", "is not YAML"),
        ("- !!python/object/apply:os.getcwd []", ":1: entry"),
    ],
    ids=range(16),
)
def test_a_bad_file_is_an_error_with_its_line(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        Registry(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert HASH not in str(caught.value)


def test_the_file_is_read_again(path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(watched_file, "_LOOK_EVERY", 0.0)
    path.write_text(FILE)
    registry = Registry(path)
    path.write_text("- sha256: x")
    with caplog.at_level(logging.ERROR):
        assert run(verdict(registry, "alices-token")) != "INVALID"
    assert f"{path}:1: " in caplog.text
    path.write_text("[]  # locked out")
    assert run(verdict(registry, "alices-token")) == "INVALID"
