import os
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.values.small_file import MOST, FileError, read_small, read_text
from tests.values.odd_files import ODD_FILES, put


def lowest_free_descriptor() -> int:
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor


@pytest.mark.parametrize("content", [b"", b"a", b"\x00\xff", b"a" * MOST], ids=["empty", "one byte", "binary", "most"])
def test_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_small(tmp_path / "file") == content


def test_through_a_link_as_kubernetes_mounts_files(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "token").write_text("abc")
    (tmp_path / "token").symlink_to("..data/token")
    assert read_text(tmp_path / "token") == "abc"


@pytest.mark.parametrize(("make", "message"), ODD_FILES.values(), ids=ODD_FILES)
def test_odd_files(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    put(make, tmp_path / "file")
    free = lowest_free_descriptor()
    with pytest.raises(FileError) as caught:
        read_small(tmp_path / "file")
    assert str(caught.value).startswith(f"{tmp_path}/file: {message}")
    assert lowest_free_descriptor() == free


def test_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"ab\xff")
    with pytest.raises(FileError, match=r"file: is not UTF-8 text \(byte 2\)"):
        read_text(tmp_path / "file")
