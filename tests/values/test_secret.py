import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from addons.values.secret import Secret, SecretError
from tests.values.odd_files import ODD_FILES, put


def swap(file: Path, content: bytes) -> None:
    """As a Kubernetes Secret is swapped."""
    fresh = file.with_name("fresh")
    fresh.write_bytes(content)
    fresh.replace(file)


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", " value\n")
    assert Secret(env="A_KEY").read() == "value"


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    secret = Secret(file=tmp_path / "key")
    for value in (b"one", b"two", b"six"):
        swap(tmp_path / "key", value)
        assert secret.read() == value.decode()


def test_a_byte_order_mark_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfvalue\r\n")
    assert Secret(file=tmp_path / "key").read() == "value"


BAD = [b"", b" \n", b"two\nlines", "schlüssel".encode(), b"\xff", b"\xef\xbb\xbf"]


@pytest.mark.parametrize("content", BAD)
def test_what_can_not_stand_in_a_header(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(SecretError, match="key") as caught:
        Secret(file=tmp_path / "key").read()
    assert "lines" not in str(caught.value)


@pytest.mark.parametrize("content", [*BAD, None], ids=str)
def test_the_last_good_one_stays(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "key"
    file.write_text("good")
    secret = Secret(file=file)
    assert (secret.read(), secret.fault) == ("good", None)
    if content is None:
        file.unlink()
    else:
        swap(file, content)
    for _ in range(2):
        assert secret.read() == "good"
        assert str(file) in (secret.fault or "")
    with pytest.raises(SecretError):
        secret.read_now()
    swap(file, b"better")
    assert (secret.read(), secret.fault) == ("better", None)


def test_missing(tmp_path: Path) -> None:
    assert "NO_SUCH_VARIABLE" not in os.environ
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
        secret.read_now()
    said = message.removeprefix("can't be read: ")
    assert said in str(caught.value)
    assert "value" not in str(caught.value)
    assert (secret.read(), secret.fault) == ("value", str(caught.value))


@pytest.mark.parametrize("fields", [{}, {"env": "A", "file": "b"}, {"value": "x"}])
def test_exactly_one_reference(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Secret(**fields)  # type: ignore[arg-type]  # wrong ones are the point


@pytest.mark.parametrize("literal", ["sk-literal", 5, ["sk-literal"], None])
def test_a_secret_itself_is_refused_and_not_repeated(literal: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Secret.model_validate(literal)
    (fault,) = caught.value.errors()
    assert "write {env: NAME} or {file: PATH}" in fault["msg"]
    assert "sk-literal" not in fault["msg"]
