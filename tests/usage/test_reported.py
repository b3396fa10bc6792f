"""What a provider reports is held to what the model can do."""

from typing import Any

import pytest

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.call import Answer, Call
from addons.foundry.alarm_names import Alarm
from addons.usage.reported import ROUNDS, drop_implausible
from tests.gates.calls import GPT, call

WINDOW, OUTPUT = 400_000, 128_000
SEARCH = {"tools": [{"type": "web_search"}]}
OWN = {"tools": [{"type": "function", "name": "f"}, {"type": "custom"}, {"type": "apply_patch"}]}


def ended(facts: AnswerFacts | None, document: dict[str, Any] | None = None) -> Call:
    each = call(model=GPT, document=document or {}, answer=Answer(status=200, facts=facts), released_at=1.0)
    drop_implausible(each)
    return each


@pytest.mark.parametrize(
    ("usage", "document", "believed"),
    [
        (Usage(WINDOW, 0, OUTPUT, 0, WINDOW + OUTPUT), {}, True),
        (Usage(WINDOW + 1), {}, False),
        (Usage(1, None, OUTPUT + 1), {}, False),
        (Usage(1, None, 1, None, WINDOW + OUTPUT + 1), {}, False),
        (Usage(1, WINDOW + 1, 1), {}, False),
        (Usage(1, None, 1, OUTPUT + 1), {}, False),
        (Usage(1, None, 1, cache_write_tokens=WINDOW + 1), {}, False),
        (Usage(1, None, 1, cache_write_12h_tokens=WINDOW + 1), {}, False),
        (Usage(1, WINDOW, 1, OUTPUT, 2, WINDOW, WINDOW), {}, True),
        (Usage(WINDOW + 1), OWN, False),
        (Usage(WINDOW + 1), {"reasoning": {"effort": "high"}, "tools": None}, False),
        # the provider may have asked the model more than once
        (Usage(WINDOW + 1), SEARCH, True),
        (Usage(WINDOW + 1), {"reasoning": {"mode": "pro"}}, True),
        (Usage(WINDOW + 1), {"context_management": [{"type": "compaction"}]}, True),
        (Usage(WINDOW * ROUNDS + 1), SEARCH, False),
        (Usage(), {}, True),
    ],
)
def test_usage(usage: Usage, document: dict[str, Any], believed: bool) -> None:
    each = ended(AnswerFacts("resp_1", usage=usage), document)
    assert each.answer.facts == AnswerFacts("resp_1", usage=usage if believed else None)
    assert each.alarms == ([] if believed else [Alarm.USAGE_IMPLAUSIBLE])


def test_a_call_without_facts() -> None:
    assert ended(None).alarms == []
