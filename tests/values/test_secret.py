from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from addons.values.secret import Secret, SecretError
from tests.values.odd_files import ODD_FILES, put


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", " value\n")
    assert Secret(env="A_KEY").read() == "value"


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    secret = Secret(file=tmp_path / "key")
    for value in ("one", "two", "six"):
        fresh = tmp_path / "fresh"
        fresh.write_text(value)
        fresh.replace(tmp_path / "key")  # as a Kubernetes Secret is swapped
        assert secret.read() == value


@pytest.mark.parametrize("content", [b"", b" \n", b"two\nlines", "schlüssel".encode(), b"\xff"])
def test_what_can_not_stand_in_a_header(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(SecretError, match="key") as caught:
        Secret(file=tmp_path / "key").read()
    assert "lines" not in str(caught.value)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="NO_SUCH_VARIABLE"):
        Secret(env="NO_SUCH_VARIABLE").read()
    with pytest.raises(SecretError, match="nothing"):
        Secret(file=tmp_path / "nothing").read()


@pytest.mark.parametrize(("make", "message"), ODD_FILES.values(), ids=ODD_FILES)
def test_swapped_for_an_odd_file(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    (tmp_path / "key").write_text("value")
    secret = Secret(file=tmp_path / "key")
    assert secret.read() == "value"
    put(make, tmp_path / "key")
    with pytest.raises(SecretError, match=r"^file .*key") as caught:
        secret.read()
    said = message.removeprefix("can't be read: ")
    assert said in str(caught.value)
    assert "value" not in str(caught.value)


@pytest.mark.parametrize("fields", [{}, {"env": "A", "file": "b"}, {"value": "x"}])
def test_exactly_one_reference(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Secret(**fields)  # type: ignore[arg-type]
