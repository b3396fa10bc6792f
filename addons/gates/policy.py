"""Gate: judges the body by the policy's tables (docs/contract.md#fields)."""

import asyncio
from functools import partial

from addons.apis.policy_settings import PolicySettings
from addons.apis.table import body_policies
from addons.bodies.additions import pseudonym, session_key
from addons.bodies.notes import MOST
from addons.bodies.rows import deciding
from addons.call import Call
from addons.foundry.models import Model
from addons.foundry.refusals import Refusal
from addons.gates.body import LARGE


class JudgeBody:
    """Fills ``call.verdict``; refuses with the first finding that stops the call."""

    def __init__(self, settings: PolicySettings, *, attested: bool = False) -> None:
        """``attested``: whether the operator states that the OpenAI organization has zero data retention."""
        self._settings = settings
        self._attested = attested
        self._policies = body_policies(settings)

    async def __call__(self, call: Call) -> None:
        assert call.model
        assert call.api
        decide = partial(
            self._policies[call.api.name].judge,
            call.document,
            call.model,
            attested=self._attested,
            safety_identifier=await self._pseudonym(call),
            session_cache_key=self._session_key(call),
            most=MOST if call.explained else 1,
        )
        call.verdict = decide() if len(call.body) < LARGE else await asyncio.to_thread(decide)
        if call.verdict.refused:
            finding = call.verdict.refused[0]
            raise Refusal(
                finding.refusal,
                finding.message,
                param=finding.path,
                rule=finding.rule,
                setting=deciding(finding.rule, finding.row, finding.setting),
            )

    def lets_out(self, model: Model) -> bool:
        """Whether any call to a model may leave: some are refused whatever the body says."""
        policy = self._policies[model.apis[0]]
        return not policy.judge({}, model, attested=self._attested).refused

    async def _pseudonym(self, call: Call) -> str | None:
        if self._settings.safety_identifier is None:
            return None
        assert call.caller
        return pseudonym(await asyncio.to_thread(self._settings.safety_identifier.read), call.caller.subject)

    def _session_key(self, call: Call) -> str | None:
        session = call.header("x-palantir-session-id")
        return session_key(session) if session and self._settings.prompt_cache_key == "session" else None
