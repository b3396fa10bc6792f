import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.provider_credentials.credential import StaticKey
from addons.sources.fault import Fault
from addons.values.secret import Secret
from tests.sources.raised_alarms import Alarms
from tests.values.odd_files import ODD_FILES, put


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def key_in(folder: Path, clock: Clock, alarms: Alarms) -> StaticKey:
    (folder / "key").write_text("one")
    return StaticKey(Secret(file=folder / "key"), Fault("provider_identity", alarms, clock), clock)


def test_a_key_is_read_again_after_a_second_or_when_the_provider_does_not_accept_it(tmp_path: Path) -> None:
    clock = Clock()
    key = key_in(tmp_path, clock, Alarms())
    assert asyncio.run(key.bearer()) == b"one"
    (tmp_path / "key").write_text("another")
    assert asyncio.run(key.bearer()) == b"one"
    key.refused(b"yet another")
    assert asyncio.run(key.bearer()) == b"one"
    key.refused(b"one")
    assert asyncio.run(key.bearer()) == b"another"
    (tmp_path / "key").write_text("the third")
    clock.now = 1.1
    assert asyncio.run(key.bearer()) == b"the third"


@pytest.mark.parametrize(("make", "message"), ODD_FILES.values(), ids=ODD_FILES)
def test_while_a_key_is_gone_the_last_one_stays(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    clock, alarms = Clock(), Alarms()
    key = key_in(tmp_path, clock, alarms)
    assert asyncio.run(key.bearer()) == b"one"
    put(make, tmp_path / "key")
    clock.now = 1.1
    assert asyncio.run(key.bearer()) == b"one"
    (why,) = asyncio.run(key.missing())
    assert message.removeprefix("can't be read: ") in why
    assert alarms.names == ["provider_identity"]
