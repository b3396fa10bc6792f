"""The fields of a request for embeddings: against the installed SDK, and their bounds."""

from typing import Any

import pytest
from openai.types import embedding_create_params

from addons.apis.policy_settings import PolicySettings
from addons.bodies.body_policy import BodyPolicy
from addons.embeddings.api import EMBEDDINGS
from addons.embeddings.fields import LARGEST_TOKEN, MOST_INPUTS, MOST_TOKENS, REQUEST, inputs_of, tokens_of
from addons.foundry.models import Model
from tests.bodies.sdk_types import Walk

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)


def test_whatever_the_sdk_can_say_has_a_row_and_nothing_else_has() -> None:
    walk = Walk()
    walk.compare(embedding_create_params.EmbeddingCreateParams, REQUEST, ())
    assert walk.gaps == []
    assert walk.rows == walk.sdk
    assert walk.opaque == set()


@pytest.mark.parametrize(
    ("given", "answers"),
    [
        pytest.param("a text", 1, id="a text"),
        pytest.param([1, 2, 3], 1, id="tokens"),
        pytest.param(["a", "b"], 2, id="texts"),
        pytest.param([[1], [2, 3]], 2, id="lists of tokens"),
        pytest.param(["a"], 1, id="one text"),
        pytest.param([[1]], 1, id="one list of tokens"),
        pytest.param([0], 1, id="the first token there is"),
        pytest.param([LARGEST_TOKEN], 1, id="the last"),
        pytest.param(["a"] * MOST_INPUTS, MOST_INPUTS, id="as many texts as may be"),
        pytest.param([1] * MOST_TOKENS, 1, id="as many tokens as may be"),
    ],
)
def test_an_input_that_leaves_as_it_came(given: Any, answers: int) -> None:
    verdict = BodyPolicy(EMBEDDINGS, PolicySettings()).judge({"model": "m", "input": given}, MODEL)
    assert (verdict.refused, verdict.changes, verdict.members) == ((), (), {})
    assert EMBEDDINGS.answers({"input": given}) == answers


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"input": []}, id="no input"),
        pytest.param({"input": {"text": "a"}}, id="an object"),
        pytest.param({"input": ["a", 1]}, id="texts and tokens"),
        pytest.param({"input": [[1], "a"]}, id="lists and texts"),
        pytest.param({"input": [True]}, id="a flag for a token"),
        pytest.param({"input": [-1]}, id="a negative token"),
        pytest.param({"input": [1.5]}, id="half a token"),
        pytest.param({"input": [[]]}, id="an empty list of tokens"),
        pytest.param({"input": ["a"] * (MOST_INPUTS + 1)}, id="too many texts"),
        pytest.param({"input": [1] * (MOST_TOKENS + 1)}, id="too many tokens"),
        pytest.param({"dimensions": 0}, id="no dimensions"),
        pytest.param({"dimensions": 3_073}, id="too many dimensions"),
        pytest.param({"encoding_format": "binary"}, id="another encoding"),
        pytest.param({"stream": True}, id="a stream"),
        pytest.param({"store": False}, id="a field of another API"),
    ],
)
def test_what_is_refused(body: dict[str, Any]) -> None:
    verdict = BodyPolicy(EMBEDDINGS, PolicySettings()).judge({"model": "m", **body}, MODEL)
    assert [finding.path for finding in verdict.refused] == list(body)


def test_the_providers_own_bounds() -> None:
    """https://platform.openai.com/docs/api-reference/embeddings/create; a token's number is a 32-bit one."""
    assert (MOST_INPUTS, MOST_TOKENS, LARGEST_TOKEN) == (2_048, 8_192, 2_147_483_647)


@pytest.mark.parametrize(
    ("given", "inputs", "tokens"),
    [
        ("a text", 1, None),
        (["a", "b"], 2, None),
        ([], 1, None),
        ([0], 1, 1),
        ([5, 6, 7], 1, 3),
        ([[5], [6, 7]], 2, 3),
        ([[5, 6]], 1, 2),
        ([[], [5]], 2, 1),
        (None, 1, None),
    ],
)
def test_how_much_is_asked(given: Any, inputs: int, tokens: int | None) -> None:
    assert (inputs_of(given), tokens_of(given)) == (inputs, tokens)
