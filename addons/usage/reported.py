"""Whether what a provider reported of a call's usage can be true."""

from dataclasses import replace
from typing import Any, Final

from addons.bodies.answer_facts import Usage
from addons.call import Call
from addons.foundry.alarm_names import Alarm
from addons.foundry.token_bounds import most_output, window

CALLER_RUN: Final = frozenset({"function", "custom", "namespace", "apply_patch", "local_shell"})
"""Tools that end the model's turn. Behind any other the provider may ask the model again, in the same call."""

ROUNDS: Final = 200
"""So many turns of the model in one call are believed, where the provider may take more than one."""


def drop_implausible(call: Call) -> None:
    """Takes out usage beyond what the model can do, so that it is *unknown* to all, and raises an alarm.

    To be called once, when the call has ended and before anything is made of its usage.
    """
    facts = call.answer.facts
    if facts and facts.usage and call.model and not _possible(facts.usage, call):
        call.answer.facts = replace(facts, usage=None)
        call.alarms.append(Alarm.USAGE_IMPLAUSIBLE)


def _possible(usage: Usage, call: Call) -> bool:
    assert call.model
    assert call.api
    turns = (1 if _one_turn(call.document) else ROUNDS) * call.api.answers(call.document)
    given, made = window(call.model) * turns, most_output(call.model) * turns
    most = {
        **dict.fromkeys(("input_tokens", "cached_tokens", "cache_write_tokens", "cache_write_12h_tokens"), given),
        **dict.fromkeys(("output_tokens", "reasoning_tokens"), made),
        "total_tokens": given + made,
    }
    return all((getattr(usage, name) or 0) <= bound for name, bound in most.items())


def _one_turn(document: dict[str, Any]) -> bool:
    tools, reasoning = document.get("tools"), document.get("reasoning")
    return (
        document.get("context_management") is None
        and not (isinstance(reasoning, dict) and reasoning.get("mode"))
        and all(isinstance(tool, dict) and tool.get("type") in CALLER_RUN for tool in tools or ())
    )
