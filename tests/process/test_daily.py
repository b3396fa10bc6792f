"""What a day decides is looked at again while the sidecar runs."""

import asyncio

from addons.process.daily import Daily
from tests.records import Records


def test_it_is_looked_at_again_and_again_whatever_goes_wrong(records: Records) -> None:
    async def watch() -> int:
        looks = 0
        enough = asyncio.Event()
        loop = asyncio.get_running_loop()

        def look() -> None:
            nonlocal looks
            looks += 1
            if looks == 3:
                loop.call_soon_threadsafe(enough.set)
            raise OSError("a day's fault")

        daily = Daily(look, every=0.001)
        daily.running()
        await enough.wait()
        daily.done()
        return looks

    assert asyncio.run(watch()) >= 3
    assert len(records.of("daily_look_failed")) >= 2
