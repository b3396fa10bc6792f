"""What a call cost: by what was reported, where a price is known."""

import pytest

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.bodies.api import Api
from addons.call import Answer
from addons.chat_completions.api import CHAT_COMPLETIONS
from addons.embeddings.api import EMBEDDINGS
from addons.foundry.prices import DatedPrices
from addons.responses.api import RESPONSES
from addons.usage.cost import cost
from tests.gates.calls import GPT, call

PRICED = GPT.model_copy(update={"prices": (DatedPrices(input=2, cached=1, output=3),)})


@pytest.mark.parametrize(
    ("api", "usage", "expected"),
    [
        pytest.param(RESPONSES, Usage(10, 4, 5), (6 * 2 + 4 * 1 + 5 * 3) / 1e6, id="an answer"),
        pytest.param(CHAT_COMPLETIONS, Usage(10, 0, 5), 35 / 1e6, id="a completion"),
        pytest.param(EMBEDDINGS, Usage(input_tokens=10, total_tokens=10), 20 / 1e6, id="embeddings are no tokens"),
        pytest.param(RESPONSES, Usage(input_tokens=10), None, id="a report without output"),
        pytest.param(CHAT_COMPLETIONS, Usage(input_tokens=10), None, id="the same of a completion"),
        pytest.param(EMBEDDINGS, Usage(total_tokens=10), None, id="a report without input"),
        pytest.param(EMBEDDINGS, None, None, id="no report"),
    ],
)
def test_cost(api: Api, usage: Usage | None, expected: float | None) -> None:
    assert cost(call(api=api, model=PRICED, answer=Answer(200, facts=AnswerFacts(usage=usage)))) == expected


def test_without_a_price_nothing_is_known() -> None:
    assert cost(call(api=RESPONSES, model=GPT, answer=Answer(200, facts=AnswerFacts(usage=Usage(1, 0, 1))))) is None
