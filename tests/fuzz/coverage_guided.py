"""Bytes that atheris makes after what they reach: run by ``test_coverage_guided.py`` in an environment of its own.

Every input must be read or refused as another parser does it, and what is let pass must hold nothing that the second
judge objects to.
"""

import sys

import atheris

with atheris.instrument_imports(include=["addons"]):
    from addons.apis.policy_settings import PolicySettings
    from addons.apis.table import body_policies
    from addons.bodies import splice
    from addons.chat_completions.stream import ChunkStream
    from addons.foundry.attribution import read_attribution
    from addons.foundry.models import Model
    from addons.foundry.provider_errors import refusal_for
    from addons.foundry.refusals import Refusal
    from addons.foundry.trace import read_trace
    from addons.responses.stream import EventStream
from tests.fuzz import second_judge, second_judge_of_chat, second_judge_of_embeddings
from tests.fuzz.reading import DuplicateError, read_again

MODEL = Model(
    rid="ri.language-model-service..language-model.gpt-5-2", provider_model="gpt-5.2", reasoning=True, daily_cache=False
)
POLICIES = body_policies(PolicySettings())
OBJECTIONS = {
    "responses": second_judge.objections,
    "chat_completions": second_judge_of_chat.objections,
    "embeddings": second_judge_of_embeddings.objections,
}


def body(data: bytes) -> None:
    try:
        document = splice.read(data)
    except Refusal:
        return
    try:
        again = read_again(data)
    except (ValueError, DuplicateError, RecursionError) as error:
        raise AssertionError("read here, and by no other parser") from error
    for api, policy in POLICIES.items():
        verdict = policy.judge(document, MODEL)
        if not verdict.refused:
            assert document == again
            assert not list(OBJECTIONS[api](again))
            left = read_again(b"".join(splice.splice(data, document, verdict.members)))
            assert left.get("store") is (None if api == "embeddings" else False)


def headers(data: bytes) -> None:
    text = data.decode("latin-1")
    read_trace({"traceparent": (text[:60],), "tracestate": (text[60:],), "x-b3-traceid": (text[:32],)})
    try:
        read_attribution([text])
    except Refusal as refused:
        assert refused.name == "invalid_attribution"  # noqa: PT017 - no pytest here


def answers(data: bytes) -> None:
    for stream in (EventStream(max_held_bytes=1024), ChunkStream(max_held_bytes=1024, shows_usage=True)):
        passed = [stream.feed(data[start : start + 7]) for start in range(0, len(data), 7)]
        assert b"".join([*passed, stream.end()]) == data
    refusal_for(200 + (data[0] if data else 0), {}, data, MODEL.rid)


def one(data: bytes) -> None:
    for target in (body, headers, answers):
        target(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
