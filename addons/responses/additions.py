"""What the policy adds to a body, where the model or the caller decides (docs/contract.md#fields)."""

import hashlib
import hmac
from dataclasses import dataclass

from addons.foundry.models import Model
from addons.responses.includes import ENCRYPTED_REASONING
from addons.responses.notes import Notes
from addons.responses.policy_settings import PolicySettings
from addons.responses.rows import Rule
from addons.responses.verdict import Absent, Change, Finding, Json


def pseudonym(key: str, subject: str) -> str:
    """What to call a caller towards the provider: HMAC-SHA-256 of the subject, 64 hex digits."""
    return hmac.new(key.encode(), subject.encode(), hashlib.sha256).hexdigest()


def session_key(session_id: str) -> str:
    """A ``prompt_cache_key`` for a session: SHA-256 of its id, 64 hex digits, as many as the provider takes."""
    return hashlib.sha256(session_id.encode()).hexdigest()


@dataclass(slots=True)
class Additions:
    """Puts into ``members`` what must be in a body and is not; each change is noted."""

    body: dict[str, Json]
    members: dict[str, Json | Absent]
    notes: Notes

    def of_model(self, model: Model, settings: PolicySettings, *, attested: bool) -> None:
        if model.keeps_prompts_for_a_day and not attested and model.rid not in settings.models_with_daily_cache:
            self._refuse_daily_cache(model)
        if self.body.get("store") is not False:
            self._set("store", False, "ZERO_DATA_RETENTION", "what is not sent as false is stored")
            if model.reasoning:
                self._return_reasoning()
        if model.in_memory_cache and self.body.get("prompt_cache_retention") is None:
            reason = "absent means a day, unless the organisation is under zero data retention"
            self._set("prompt_cache_retention", "in_memory", "ZERO_DATA_RETENTION", reason)
        self._limit_output(model)

    def of_caller(self, safety_identifier: str | None, session_cache_key: str | None) -> None:
        if safety_identifier is not None:
            self._set("safety_identifier", safety_identifier, "PRIVACY", "a pseudonym of the verified caller")
        if session_cache_key is not None and self.body.get("prompt_cache_key") is None:
            self._set("prompt_cache_key", session_cache_key, "COST", "calls of one session share cached prompts")

    def _set(self, member: str, value: Json, rule: Rule, reason: str) -> None:
        self.members[member] = value
        self.notes.change(Change(member, "added" if self.body.get(member) is None else "forced", rule, reason))

    def _return_reasoning(self) -> None:
        """A caller that did not write ``store: false`` does not know that nobody keeps the reasoning for it.

        One that did has chosen what it wants back, and is left alone.
        """
        include = self.members.get("include", self.body.get("include"))
        asked = include if isinstance(include, list) else []
        if ENCRYPTED_REASONING not in asked:
            self.members["include"] = [*asked, ENCRYPTED_REASONING]
            reason = "nothing is stored, so the reasoning goes back to the caller, sealed"
            self.notes.change(Change("include", "added", "ZERO_DATA_RETENTION", reason))

    def _refuse_daily_cache(self, model: Model) -> None:
        message = (
            f"model is refused (ZERO_DATA_RETENTION): {model.provider_model} keeps prompts at the provider for up to 24"
            " hours, unless the organization has zero data retention; in_memory is an error there, and leaving"
            " prompt_cache_retention out changes nothing. Use a model up to gpt-5.4, or the operator may write"
            " provider.zero_data_retention: attested where OpenAI has granted it, or list the model in"
            " policy.models_with_daily_cache."
        )
        setting = "models_with_daily_cache"
        self.notes.find(Finding("model", "ZERO_DATA_RETENTION", message, row="model", setting=setting))

    def _limit_output(self, model: Model) -> None:
        """The model's row gives an absent limit its default, and holds every limit to its cap and to what is possible.

        A member that is no number has been refused before.
        """
        asked = self.body.get("max_output_tokens")
        cap, possible = model.output_cap, model.max_output_tokens
        if asked is None:
            limits = [limit for limit in (model.default_output_tokens, cap) if limit is not None]
            if limits:
                self._set("max_output_tokens", min(*limits, possible or limits[0]), "COST", "set by the model's row")
        elif possible is not None and asked > possible:
            message = (
                f"max_output_tokens must be a whole number from 1 to {possible}, which is what this model can give."
            )
            self.notes.find(Finding("max_output_tokens", "INVALID", message, "invalid_json"))
        elif cap is not None and asked > cap:
            message = (
                f"max_output_tokens is refused (COST): the operator's cap for this model is {cap}."
                " Ask for less, or the operator may raise output_cap in the model's row."
            )
            self.notes.find(Finding("max_output_tokens", "COST", message, row="max_output_tokens"))
