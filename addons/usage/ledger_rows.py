"""Opens a call's row in the ledger as the last step before it is sent, and closes it when the call has ended."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol

from addons.bodies.answer_facts import Usage
from addons.call import Call
from addons.foundry.alarm_names import Alarm
from addons.foundry.refusals import Refusal
from addons.usage.charging import charged
from addons.usage.cost import cost
from addons.usage.ledger_file import LedgerError
from addons.usage.ledger_tables import projects

NONE_REPORTED: Final = Usage()
RETRY_AFTER: Final = "5"  # seconds
MOST_CALLER_TEXT: Final = 256  # characters


class Ledger(Protocol):
    """Where rows are written, as ``LedgerWriter`` does it. ``open`` raises LedgerError: the row was not written."""

    @property
    def replaced(self) -> int: ...

    def start(self) -> None: ...

    def close(self) -> None: ...

    async def open(self, row: Mapping[str, Any] | None) -> None: ...

    def write(self, row: Mapping[str, Any]) -> None: ...


class Carrier(Protocol):
    """What copies rows to the shared ledger."""

    def start(self) -> None: ...

    async def stop(self) -> None: ...


class LedgerRows:
    """``on_failure``: whether a call whose row can't be written is refused."""

    def __init__(
        self, ledger: Ledger, on_failure: Literal["refuse", "allow"] = "refuse", carrier: Carrier | None = None
    ) -> None:
        self.ledger = ledger
        self._carrier = carrier
        self._on_failure = on_failure
        self._replaced = 0  # as far as a call has told
        self._opened: dict[str, dict[str, Any]] = {}  # what a row began with, by call: it closes with the same

    def start(self) -> None:
        """Raises LedgerError: the file can't be used."""
        self.ledger.start()
        if self._carrier:
            self._carrier.start()

    async def stop(self) -> None:
        """Returns when what waits is written and carried, at the latest after some seconds."""
        await asyncio.to_thread(self.ledger.close)
        if self._carrier:
            await self._carrier.stop()

    async def missing(self) -> str | None:
        """For readiness: why no row can be written now, where calls are refused for that. None: rows can be written."""
        if self._on_failure == "allow":
            return None
        try:
            await self.ledger.open(None)
        except LedgerError as error:
            return f"usage.ledger: {error}"
        return None

    async def open(self, call: Call) -> None:
        """Returns when the call's row is committed, so that it may leave. Calls for Foundry itself use no model.

        Raises:
            Refusal: ``ledger_unavailable``, when the row can't be written and must be.
        """
        if call.to != "provider":
            return
        self._opened[call.id] = row = _known_of(call)
        try:
            await self.ledger.open(row)
        except LedgerError as error:
            call.alarms.append(Alarm.LEDGER_UNAVAILABLE)
            if self._on_failure == "refuse":
                raise Refusal(
                    "ledger_unavailable",
                    "The sidecar can't write this call into its usage ledger, so it was not sent; try again later.",
                    headers={"Retry-After": RETRY_AFTER},
                    detail=str(error),
                ) from error
        if self.ledger.replaced > self._replaced:
            self._replaced = self.ledger.replaced
            call.alarms.append(Alarm.LEDGER_REPLACED)

    def close(self, call: Call, record: Mapping[str, Any]) -> None:
        """Closes the row of a call that has ended. A refused call has none yet, and gets a closed one.

        Refusals before the caller was proven are in no ledger: anybody could fill it.
        """
        opened = self._opened.pop(call.id, None)
        if call.to != "provider" or call.caller is None:
            return
        facts = call.answer.facts
        usage = (facts.usage if facts else None) or NONE_REPORTED
        self.ledger.write(
            {
                **(opened or _known_of(call)),
                "state": "closed",
                "decision": record.get("policy.decision"),
                "outcome": record.get("call.outcome"),
                "error": record.get("error.type"),
                "status": record.get("http.response.status_code"),
                "usage_status": record.get("usage.status"),
                "input_tokens": usage.input_tokens,
                "cached_tokens": usage.cached_tokens,
                "cache_write_tokens": usage.cache_write_tokens,
                "output_tokens": usage.output_tokens,
                "reasoning_tokens": usage.reasoning_tokens,
                "total_tokens": usage.total_tokens,
                "cost": cost(call),
                **_charged(call, ended=True),
                "duration_total": record.get("duration.total"),
                "duration_sidecar": record.get("duration.sidecar"),
                "duration_provider": record.get("duration.provider"),
                "policy": record.get("policy.hash"),
            }
        )


def _known_of(call: Call) -> dict[str, Any]:
    """The columns that are known before a call leaves."""
    return {
        "id": call.id,
        "opened_at": time.time() - (time.monotonic() - call.opened_at),
        "state": "open",
        "caller": call.caller.subject[:MOST_CALLER_TEXT] if call.caller else None,
        "projects": projects(call.attribution),
        "model": call.model.rid if call.model else None,
        "provider_model": call.model.provider_model if call.model else None,
        "region": call.region,
        "api": call.api.name if call.api else None,
        "trace_id": call.trace.trace_id,
        **_charged(call),
    }


def _charged(call: Call, *, ended: bool = False) -> dict[str, Any]:
    found = charged(call, ended=ended)
    return {} if found is None else {f"charged_{name}": value for name, value in found._asdict().items()}
