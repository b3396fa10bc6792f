"""What the policy adds to a body, where the model or the caller decides (docs/contract.md#fields).

Each API says which of these it takes.
"""

import hashlib
import hmac
from dataclasses import dataclass

from addons.bodies.choices import Choices
from addons.bodies.notes import Notes
from addons.bodies.rows import Rule
from addons.bodies.verdict import Absent, Change, Finding, Json
from addons.foundry.models import Model


def pseudonym(key: str, subject: str) -> str:
    """The name by which the provider knows a caller: HMAC-SHA-256 of the subject, 64 hex digits."""
    return hmac.new(key.encode(), subject.encode(), hashlib.sha256).hexdigest()


def session_key(session_id: str) -> str:
    """A ``prompt_cache_key`` for a session: SHA-256 of its id, 64 hex digits, as many as the provider takes."""
    return hashlib.sha256(session_id.encode()).hexdigest()


@dataclass(slots=True)
class Additions:
    """Puts into ``members`` what must be in a body and is not; each change is noted.

    Args:
        body, members, notes: of the body that is judged.
        choices: the operator's.
        model: the row of the model the body asks for.
        attested: whether the operator states that the OpenAI organization has zero data retention.
        safety_identifier, session_cache_key: as ``BodyPolicy.judge`` has them.
    """

    body: dict[str, Json]
    members: dict[str, Json | Absent]
    notes: Notes
    choices: Choices
    model: Model
    attested: bool
    safety_identifier: str | None
    session_cache_key: str | None

    def set(self, member: str, value: Json, rule: Rule, reason: str) -> None:
        self.members[member] = value
        self.notes.change(Change(member, "added" if self.body.get(member) is None else "forced", rule, reason))

    def store_nothing(self) -> None:
        if self.body.get("store") is not False:
            self.set("store", False, "ZERO_DATA_RETENTION", "what is not sent as false is stored")

    def keep_prompts_in_memory(self) -> None:
        """Refuses a model that keeps prompts for a day. A model that has the choice gets ``in_memory``."""
        model = self.model
        named = model.rid in self.choices.models_with_daily_cache
        if model.keeps_prompts_for_a_day and not self.attested and not named:
            self._refuse_daily_cache()
        if model.in_memory_cache and self.body.get("prompt_cache_retention") is None:
            reason = "absent means a day, unless the organisation is under zero data retention"
            self.set("prompt_cache_retention", "in_memory", "ZERO_DATA_RETENTION", reason)

    def name_caller(self) -> None:
        if self.safety_identifier is not None:
            self.set("safety_identifier", self.safety_identifier, "PRIVACY", "a pseudonym of the verified caller")

    def share_cache(self) -> None:
        if self.session_cache_key is not None and self.body.get("prompt_cache_key") is None:
            reason = "calls of one session share cached prompts"
            self.set("prompt_cache_key", self.session_cache_key, "COST", reason)

    def limit_output(self, *names: str) -> None:
        """The model's row gives an absent limit its default, and holds every limit to its cap and to what is possible.

        ``names``: of the members that hold a limit, the first is the one to add. One that is no number has been
        refused before.
        """
        asked = [name for name in names if self.body.get(name) is not None]
        for name in asked:
            self._hold(name, self.body[name])
        cap, possible = self.model.output_cap, self.model.max_output_tokens
        limits = [limit for limit in (self.model.default_output_tokens, cap) if limit is not None]
        if limits and not asked:
            self.set(names[0], min(*limits, possible or limits[0]), "COST", "set by the model's row")

    def _hold(self, name: str, asked: int) -> None:
        cap, possible = self.model.output_cap, self.model.max_output_tokens
        if possible is not None and asked > possible:
            message = f"{name} must be a whole number from 1 to {possible}, which is what this model can give."
            self.notes.find(Finding(name, "INVALID", message, "invalid_json"))
        elif cap is not None and asked > cap:
            message = (
                f"{name} is refused (COST): the operator's cap for this model is {cap}."
                " Ask for less, or the operator may raise output_cap in the model's row."
            )
            self.notes.find(Finding(name, "COST", message, row=name))

    def _refuse_daily_cache(self) -> None:
        message = (
            f"model is refused (ZERO_DATA_RETENTION): {self.model.provider_model} keeps prompts at the provider for up"
            " to 24 hours, unless the organization has zero data retention; in_memory is an error there, and leaving"
            " prompt_cache_retention out changes nothing. Use a model up to gpt-5.4, or the operator may write"
            " provider.zero_data_retention: attested where OpenAI has granted it, or list the model in"
            " policy.models_with_daily_cache."
        )
        setting = "models_with_daily_cache"
        self.notes.find(Finding("model", "ZERO_DATA_RETENTION", message, row="model", setting=setting))
