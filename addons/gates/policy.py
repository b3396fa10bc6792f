"""Gate: what the body may ask for (SPEC §4)."""

import asyncio
from dataclasses import dataclass

from addons.call import Call
from addons.foundry.refusals import Refusal
from addons.gates.body import LARGE
from addons.responses.policy import judge
from addons.responses.policy_settings import PolicySettings


@dataclass(frozen=True, slots=True)
class JudgeBody:
    """Fills ``call.verdict``; refuses with the first finding that stops the call."""

    settings: PolicySettings

    async def __call__(self, call: Call) -> None:
        assert call.model
        if len(call.body) < LARGE:
            call.verdict = judge(call.document, call.model, self.settings)
        else:
            call.verdict = await asyncio.to_thread(judge, call.document, call.model, self.settings)
        if call.verdict.refused:
            finding = call.verdict.refused[0]
            raise Refusal(
                finding.refusal,
                finding.message,
                param=finding.path,
                rule=finding.rule,
            )
