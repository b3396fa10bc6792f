"""Keeps the ledger: a call's row is opened as the last thing before it leaves, and closed when it has ended."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from addons.call import Call
from addons.foundry.alarms import Alarm
from addons.foundry.prices import prices_on
from addons.foundry.refusals import Refusal
from addons.responses.answer import Usage
from addons.usage.ledger import Ledger
from addons.usage.ledger_file import LedgerError, projects

RETRY_AFTER: Final = "5"  # seconds

LARGEST: Final = 2**63 - 1
"""The largest integer SQLite keeps; no honest count comes near."""


class LedgerRows:
    """``on_failure``: whether a call whose row can't be written is refused."""

    def __init__(self, ledger: Ledger, on_failure: Literal["refuse", "allow"] = "refuse") -> None:
        self.ledger = ledger
        self._on_failure = on_failure

    def start(self) -> None:
        """Raises LedgerError: the file can't be used."""
        self.ledger.start()

    async def stop(self) -> None:
        """Returns when what waits is written, at the latest after some seconds."""
        await asyncio.to_thread(self.ledger.close)

    async def open(self, call: Call) -> None:
        """Returns when the call's row is committed, so that it may leave. Calls for Foundry itself use no model.

        Raises:
            Refusal: ``ledger_unavailable``, when the row can't be written and must be.
        """
        if call.to != "provider":
            return
        try:
            await self.ledger.open({"state": "open", **_known_of(call)})
        except LedgerError as error:
            call.alarms.append(Alarm.LEDGER_UNAVAILABLE)
            if self._on_failure == "refuse":
                raise Refusal(
                    "ledger_unavailable",
                    "The sidecar can't write this call into its usage ledger, so it was not sent; try again later.",
                    headers={"Retry-After": RETRY_AFTER},
                    detail=str(error),
                ) from error

    def close(self, call: Call, record: Mapping[str, Any]) -> None:
        """Closes the row. A refused call has none yet, and gets a closed one.

        Calls of callers that nobody knows have none: whoever reaches the port could fill the disk with them.
        """
        if call.to != "provider" or call.caller is None:
            return
        facts = call.answer.facts
        usage = (facts.usage if facts else None) or Usage()
        today = datetime.now(UTC).date()
        prices = prices_on(call.model.prices, today, facts.service_tier if facts else None) if call.model else None
        self.ledger.write(
            {
                **_known_of(call),
                "state": "closed",
                "decision": _decision(call),
                "error": record.get("error.type"),
                "status": record.get("http.response.status_code"),
                "usage_status": record.get("usage.status"),
                "input_tokens": _kept(usage.input_tokens),
                "cached_tokens": _kept(usage.cached_tokens),
                "output_tokens": _kept(usage.output_tokens),
                "reasoning_tokens": _kept(usage.reasoning_tokens),
                "total_tokens": _kept(usage.total_tokens),
                "cost": prices.cost(usage.input_tokens, usage.cached_tokens, usage.output_tokens) if prices else None,
                "duration_total": record.get("duration.total"),
                "duration_sidecar": record.get("duration.sidecar"),
                "duration_provider": record.get("duration.provider"),
            }
        )


def _known_of(call: Call) -> dict[str, Any]:
    """The columns that are known before a call leaves."""
    return {
        "id": call.id,
        "opened_at": time.time() - (time.monotonic() - call.opened_at),
        "caller": call.caller.subject if call.caller else None,
        "projects": projects(call.attribution),
        "model": call.model.rid if call.model else None,
        "provider_model": call.model.provider_model if call.model else None,
        "region": call.region,
        "trace_id": call.trace.trace_id,
    }


def _decision(call: Call) -> str:
    """``refused``: nothing left. ``failed``: it left for the provider, and was not answered there."""
    if call.released_at is None:
        return "refused"
    return "served" if call.refusal is None else "failed"


def _kept(count: int | None) -> int | None:
    return None if count is None else min(count, LARGEST)
