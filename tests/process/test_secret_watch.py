import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from addons.process import secret_watch
from addons.process.secret_watch import SecretWatch
from addons.values.secret import Secret
from tests.records import Records
from tests.waiting import LONGEST

KEY = "provider.regions.global.api_key"


def put(file: Path, text: str) -> None:
    """At once: who looks on never finds it half written."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


async def _run(file: Path) -> list[tuple[str, str | None]]:
    told: asyncio.Queue[tuple[str, str | None]] = asyncio.Queue()
    secret = Secret(file=file)
    watch = SecretWatch(lambda: {KEY: secret}, lambda key, why: told.put_nowait((key, why)))
    watch.running()
    changes: tuple[Callable[[], object], ...] = (
        lambda: file.write_text(""),
        file.unlink,
        lambda: put(file, "better"),
    )
    try:
        async with asyncio.timeout(LONGEST):
            found = []
            for change in changes:
                change()
                found.append(await told.get())
            return found
    finally:
        watch.done()


def test_each_change_is_told_once(tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_watch, "LOOK_EVERY", 0.001)
    file = tmp_path / "key"
    file.write_text("good")
    empty, gone, good = asyncio.run(_run(file))
    assert {each[0] for each in (empty, gone, good)} == {KEY}
    assert "is empty" in str(empty[1])
    assert "can't be read" in str(gone[1])
    assert good[1] is None
    assert len(records.of("secret_unusable")) == 2
    assert len(records.of("secret_usable")) == 1
