import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from addons.sources import watched_file
from addons.sources.fault import Fault
from addons.sources.watched_file import WatchedFile
from addons.values.small_file import FileError, read_text
from tests.sources.raised_alarms import Alarms, a_fault
from tests.verifiers.refusals import run


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def number(path: Path) -> int:
    text = read_text(path)
    if not text.isdigit():
        raise FileError(f"{path}:1: is not a number")
    return int(text)


def replace(path: Path, text: str) -> None:
    """As careful writers and Kubernetes do it: another file under the old name."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)  # noqa: PTH105 - the operation meant, by its name


def test_a_change_is_seen_a_second_later_and_not_before(tmp_path: Path) -> None:
    path, clock = tmp_path / "n", Clock()
    path.write_text("1")
    file = WatchedFile(path, number, a_fault(), clock=clock)
    replace(path, "2")
    clock.now = 0.5
    assert run(file.current()) == 1
    clock.now = 1.0
    assert run(file.current()) == 2


class Writing:
    """Stands for the module ``time``: as long as somebody sleeps, the next text is written, and time goes on."""

    def __init__(self, path: Path, texts: Sequence[str]) -> None:
        self._path = path
        self._texts = list(texts)
        self._now = 1e9
        self.sleep(0)

    def time(self) -> float:
        return self._now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        if self._texts:
            self._path.write_text(self._texts.pop(0))
            os.utime(self._path, (self._now, self._now))


@pytest.mark.parametrize(
    ("texts", "found"),
    [(["2"], {2}), (["", "2", "23"], {23}), ([str(number) for number in range(10, 99)], set(range(45, 60)))],
    ids=["at once", "piece by piece", "without an end"],
)
def test_what_is_being_written_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: list[str], found: set[int]
) -> None:
    path, clock = tmp_path / "n", Clock()
    path.write_text("1")
    file = WatchedFile(path, number, a_fault(), clock=clock)
    monkeypatch.setattr(watched_file, "time", Writing(path, texts))
    clock.now = 1.0
    assert run(file.current()) in found


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    path, clock, reads = tmp_path / "n", Clock(), []
    path.write_text("1")
    file = WatchedFile(path, lambda path: reads.append(path) or number(path), a_fault(), clock=clock)  # type: ignore[func-returns-value]  # None, so that the right side counts
    for clock.now in range(1, 9):
        assert run(file.current()) == 1
    assert reads == [path]


@pytest.mark.parametrize("spoil", [lambda path: replace(path, "x"), Path.unlink], ids=["bad", "gone"])
def test_a_file_gone_bad_changes_nothing_and_is_told(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path, clock, alarms = tmp_path / "n", Clock(), Alarms()
    path.write_text("1")
    file = WatchedFile(path, number, Fault("an_alarm", alarms, clock), clock=clock)
    spoil(path)
    for clock.now, raised in ((1, 1), (2, 1), (60, 1), (61, 2)):
        assert run(file.current()) == 1
        assert len(alarms.raised) == raised
    name, why = alarms.raised[0]
    assert name == "an_alarm"
    assert str(path) in why
    assert "what the file said before stays in force" in why
    replace(path, "3")
    clock.now = 62
    assert run(file.current()) == 3
    assert file.fault.why is None


def test_a_fault_that_nobody_foresaw_is_one_of_the_file(tmp_path: Path) -> None:
    path, clock, alarms = tmp_path / "n", Clock(), Alarms()
    path.write_text("1")
    file = WatchedFile(path, lambda path: int(path.read_text()), Fault("an_alarm", alarms, clock), clock=clock)
    replace(path, "what may be a secret")
    for clock.now in (1, 2):
        assert run(file.current()) == 1
    ((_, why),) = alarms.raised
    assert why.startswith(f"{path}: its content can't be read (ValueError)")
    with pytest.raises(FileError, match=r"\(ValueError\)\Z"):
        WatchedFile(path, lambda path: int(path.read_text()), a_fault())


def test_what_is_kept_of_a_file_gone_bad_is_for_its_user_to_say(tmp_path: Path) -> None:
    path, clock = tmp_path / "n", Clock()
    path.write_text("1")
    file = WatchedFile(path, number, a_fault(), keep=lambda value: -value, clock=clock)
    replace(path, "x")
    for clock.now in (1, 2):
        assert run(file.current()) == -1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "can't be read: No such file"),
        (Path.mkdir, "is no regular file"),
        (lambda path: path.write_bytes(b"1\xff"), "is not UTF-8 text (byte 1)"),
        (lambda path: path.write_text("x"), ":1: is not a number"),
    ],
    ids=["absent", "directory", "bytes", "content"],
)
def test_a_bad_file_is_an_error_at_once(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    path = tmp_path / "n"
    make(path)
    with pytest.raises(FileError) as caught:
        WatchedFile(path, number, a_fault())
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
