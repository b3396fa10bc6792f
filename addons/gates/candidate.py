"""A policy judged beside the one in force. It refuses and changes nothing: a call's record says what it would."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from addons.apis.policy_settings import PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.bodies.comparison import Decided, Place, Trial, differences
from addons.bodies.verdict import Change, Finding, Verdict
from addons.call import Call
from addons.foundry.catalogue import Catalogue
from addons.foundry.refusals import Refusal

_SOMETHING: Final = "candidate"
"""In place of a value that is made with a secret, or of the session: whether there is one is all that is compared."""

_log = structlog.get_logger("sidecar.candidate")


@dataclass(frozen=True, slots=True)
class Candidate:
    """``policy_hash`` is what its own records would name. ``policies``: by the name of the API.

    ``attested`` as for ``gates.policy.JudgeBody``.
    """

    policy_hash: str
    settings: PolicySettings
    policies: Mapping[str, BodyPolicy]
    catalogue: Catalogue
    attested: bool

    def judge(self, call: Call) -> Trial | None:
        """How it would treat a call that the model and policy gates have judged; None for one they have not.

        To be called once they have; on any thread, since it reads the call alone. Raises nothing.
        """
        try:
            first = _in_force(call)
            return Trial(self.policy_hash, differences(first, self._decide(call))) if first else None
        except BaseException as error:  # noqa: BLE001 - what is only tried must not harm a call
            _log.error("candidate_failed", exc_info=error, **{"call.id": call.id})
            return Trial(self.policy_hash, failed=True)

    def _decide(self, call: Call) -> Decided:
        assert call.api
        try:
            model = self.catalogue.find(call.document.get("model"), datetime.now(UTC).date(), call.api.name)
        except Refusal as refusal:
            return Decided(refused=_of_refusal(refusal))
        session = self.settings.prompt_cache_key == "session" and call.header("x-palantir-session-id")
        verdict = self.policies[call.api.name].judge(
            call.document,
            model,
            attested=self.attested,
            safety_identifier=_SOMETHING if self.settings.safety_identifier else None,
            session_cache_key=_SOMETHING if session else None,
            most=1,
        )
        region = self.catalogue.regions_for(model)[0]
        return _of_verdict(verdict, f"{region} {model.snapshot.get(region, model.provider_model)}")


def _in_force(call: Call) -> Decided | None:
    """What the gates decided of it; None where they never came to it."""
    if call.verdict is not None:
        assert call.model
        region = call.region or ""
        return _of_verdict(call.verdict, f"{region} {call.model.snapshot.get(region, call.model.provider_model)}")
    if call.model is None and call.refusal is not None and call.refusal.param == "model":
        return Decided(refused=_of_refusal(call.refusal))
    return None


def _of_refusal(refusal: Refusal) -> Place:
    return Place(refusal.rule or refusal.name, refusal.param or "")


def _of_verdict(verdict: Verdict, leaves_as: str) -> Decided:
    if verdict.refused:
        return Decided(refused=_of_finding(verdict.refused[0]))
    return Decided(
        warned=frozenset(map(_of_finding, verdict.warned)),
        changed=frozenset(map(_of_change, verdict.changes)),
        leaves_as=leaves_as,
    )


def _of_finding(finding: Finding) -> Place:
    return Place(finding.rule, finding.path)


def _of_change(change: Change) -> Place:
    return Place(change.rule, f"{change.path} {change.action}")
