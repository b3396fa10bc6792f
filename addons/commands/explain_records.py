"""What a collected record tells of how another configuration would treat its call. It holds no body.

So a verdict is given only where it is certain: the model is refused, the row that refused it still does, what was
warned of is enforced, or nothing in the other policy is stricter.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from addons.apis.policy_settings import ROWS
from addons.apis.row_listing import STRICTNESS
from addons.bodies.comparison import Decided, Place
from addons.configuration.fingerprint import policy_hash
from addons.configuration.meaning import catalogue_of, is_attested
from addons.configuration.policy_listing import policy_listing
from addons.configuration.settings import Settings
from addons.foundry.refusals import Refusal

_ROW: Final = "policy.rules."


class NotTold(Exception):  # noqa: N818 - not an error: the record does not tell it
    """The message says, as the rest of a sentence, what the record does not tell."""


class RecordJudge:
    """Judges records by ``tried``; ``base`` is the configuration that is thought to have judged them."""

    def __init__(self, base: Settings, tried: Settings, today: date) -> None:
        self._tried = tried
        self._today = today
        self._catalogue = catalogue_of(tried)
        self._hashes = {policy_hash(base), policy_hash(tried)}
        self._same = policy_hash(tried)
        self._stricter = _stricter(base, tried, today)

    def at_the_time(self, record: Mapping[str, Any]) -> Decided:
        """What was decided of it.

        Raises:
            NotTold: no policy judged it.
        """
        if record.get("foundry.other_path"):
            raise NotTold("went to another of Foundry's paths, which no policy judges")
        if record.get("policy.decision") == "allowed":
            return Decided(warned=frozenset(map(_warning, record.get("policy.warnings", ()))))
        place = Place(str(record.get("policy.rule") or record.get("error.type")), str(record.get("policy.param") or ""))
        if not str(record.get("policy.setting", "")).startswith("policy.") and place.path != "model":
            raise NotTold(f"was refused before or behind the policy ({place.rule})")
        return Decided(refused=place)

    def now(self, record: Mapping[str, Any], before: Decided) -> Decided:
        """What would be decided of it.

        Raises:
            NotTold: the record does not tell.
        """
        if record.get("policy.hash") == self._same:
            return before
        if isinstance(model := record.get("foundry.model.rid"), str):
            try:
                self._catalogue.find(model, self._today)
            except Refusal as refusal:
                return Decided(refused=Place(refusal.rule or refusal.name, refusal.param or ""))
        if before.refused is None:
            return self._allowed(record, before)
        if before.refused.path == "model" and not record.get("policy.setting", "").startswith("policy."):
            raise NotTold("was refused for its model, so that its record says nothing of the body")
        if self._is_refused(record, before.refused):
            return before
        rule, path = before.refused
        raise NotTold(f"would no longer be refused for {rule} at {path}; its record does not tell what else it holds")

    def _allowed(self, record: Mapping[str, Any], before: Decided) -> Decided:
        rules = self._tried.policy
        for place in sorted(before.warned):
            if rules.mode_of(place.rule, "") == "enforce":
                if any(row in ROWS for row in rules.rules):
                    raise NotTold("was warned of; its record names the rule, and the rows decide each for themselves")
                return Decided(refused=place)
        if record.get("policy.hash") not in self._hashes:
            raise NotTold("was judged by another policy than --config's, and its record holds no body")
        if self._stricter:
            raise NotTold(f"holds no body, and {self._stricter[0]} is decided more strictly")
        return before

    def _is_refused(self, record: Mapping[str, Any], place: Place) -> bool:
        setting, policy = str(record["policy.setting"]), self._tried.policy
        if setting.startswith(_ROW):
            return policy.mode_of(place.rule, setting.removeprefix(_ROW)) == "enforce"
        if policy.mode_of(place.rule, "") != "enforce":
            return False
        key = setting.removeprefix("policy.")
        chosen = getattr(policy, key, None)
        if key == "models_with_daily_cache":
            listed = record.get("foundry.model.rid") in policy.models_with_daily_cache
            return not listed and not is_attested(self._tried)
        if isinstance(chosen, tuple):
            if chosen:
                raise NotTold(f"does not tell which value of {key} it had")
            return True
        return chosen == "refuse"


def _warning(text: str) -> Place:
    path, _, rule = text.rpartition(" ")
    return Place(rule, path)


def _stricter(base: Settings, tried: Settings, today: date) -> list[str]:
    """Rows by which a call that was let through without a warning might now be refused, or changed."""
    there = {(row.kind, row.name): row.decision for row in policy_listing(base, today)}
    return [
        row.name
        for row in policy_listing(tried, today)
        if (old := there.get((row.kind, row.name), "refuse")) != "warn"
        and STRICTNESS.index(row.decision) > STRICTNESS.index(old)
        and row.kind != "model"
    ]
