"""When the configuration was last taken over, and when last refused, for those who collect metrics."""

import time

from addons.journal.readings import Reading


class ReloadTimes:
    """Begins with the configuration that the sidecar starts with. Times are seconds since 1970."""

    def __init__(self) -> None:
        self._times = {"taken_over": time.time()}
        self._good = True

    def took_over(self) -> None:
        self._times["taken_over"] = time.time()
        self._good = True

    def refused(self) -> None:
        self._times["refused"] = time.time()
        self._good = False

    @property
    def readings(self) -> tuple[Reading, ...]:
        return (
            Reading(
                "foundry.sidecar.reload.time",
                "s",
                "when a configuration was last taken over or refused, in seconds since 1970",
                lambda: [(when, {"result": result}) for result, when in dict(self._times).items()],
            ),
            Reading(
                "foundry.sidecar.reload.good",
                "1",
                "1 where the configuration that was read last is in force, 0 where it was refused",
                lambda: [(float(self._good), {})],
            ),
        )
