"""A candidate beside the policy in force, off the time of the call it is tried on."""

import asyncio

import structlog

from addons.bodies.comparison import Trial
from addons.call import Call
from addons.gates.body import LARGE
from addons.gates.candidate import Candidate

_log = structlog.get_logger("sidecar.exchange")


class CandidateTrial:
    """Fills ``call.trial`` of one call, where there is a candidate."""

    def __init__(self, call: Call, candidate: Candidate | None) -> None:
        self._call = call
        self._candidate = candidate
        self._trial: asyncio.Task[Trial | None] | None = None

    def begin(self) -> None:
        """Starts the trial. Call it when the request was sent, or its refusal was written; only the first call counts.

        Raises nothing. A large body is judged on a thread meanwhile.
        """
        candidate, self._candidate = self._candidate, None
        if candidate is None:
            return
        try:
            if len(self._call.body) < LARGE:
                self._call.trial = candidate.judge(self._call)
            else:
                self._trial = asyncio.get_running_loop().create_task(asyncio.to_thread(candidate.judge, self._call))
        except BaseException as error:  # noqa: BLE001 - what is only tried must not harm the call
            self._failed(error)

    async def end(self) -> None:
        """Waits for what ``begin`` began. Raises nothing, since the record comes behind it."""
        if self._trial is not None:
            try:
                self._call.trial = await self._trial
            except asyncio.CancelledError:
                return  # the process ends
            except BaseException as error:  # noqa: BLE001 - whatever it was, the call has its record
                self._failed(error)

    def _failed(self, error: BaseException) -> None:
        _log.error("trial_failed", exc_info=error, **{"call.id": self._call.id})
