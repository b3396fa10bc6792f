import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.foundry.paths import normal_path, plain_query
from addons.foundry.refusals import Refusal


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"),
        ("/api/v2/ontologies", "/api/v2/ontologies"),
        ("/api/v2/ontologies/", "/api/v2/ontologies/"),
        ("//api//v2/ontologies", "/api/v2/ontologies"),
        ("/api/v2/datasets/ri.foundry.main.dataset.1", "/api/v2/datasets/ri.foundry.main.dataset.1"),
        ("/files/a%20b", "/files/a%20b"),
        ("/api/v2/%6fntologies", "/api/v2/ontologies"),
        ("/api/v2/%c3%a4", "/api/v2/%C3%A4"),
        ("/a%7Eb%2Db", "/a~b-b"),
        ("/api/v2/llms", "/api/v2/llms"),
        ("/api/llm", "/api/llm"),
        ("/api/v2/llm2", "/api/v2/llm2"),
        ("/api/v2/a%20llm", "/api/v2/a%20llm"),
        ("/workspace/api/v2/llm/proxy", "/workspace/api/v2/llm/proxy"),
        ("/a..b/...", "/a..b/..."),
        ("/it's!$&()*+,=:@", "/it's!$&()*+,=:@"),
    ],
)  # fmt: skip
def test_one_spelling(path: str, normal: str) -> None:
    assert normal_path(path) == normal


MODELS = [
    "/api/v2/llm/proxy/openai/v1/responses/resp_1",
    "/api/v2/llm/proxy/openai/v1/chat/completions",
    "/api/v2/llm/proxy/anthropic/v1/messages",
    "/api/v2/llm/proxy/xai/v1/x",
    "/api/v2/llm/proxy",
    "/api/v2/llm",
    "/api/v3/llm/proxy/openai/v1/responses",
    "/api/v2/LLM/proxy/openai/v1/chat/completions",
    "/API/v2/llm/Proxy/x",
    "//api//v2///llm/proxy/x",
    "/api/v2/%6c%6C%6d/proxy/x",
    "/%61pi/v2/llm/proxy/x",
    "/api/v2/llm%2Dx/../llm/x",
    "/api/v2/\uff4c\uff4c\uff4d/x",
    "/api/v2/%EF%BD%8C%EF%BD%8C%EF%BD%8D/proxy/x",
    "/api/v2/x%EF%BC%8F..%EF%BC%8Fllm/proxy/x",
    "/api%EF%BC%8Fv2/llm/proxy/x",
    "/api/%20/v2/llm/proxy/x",
    *(
        f"/api/v2/{segment}/proxy/openai/v1/responses"
        for segment in (
            "llm%20",
            "%20llm",
            "llm%C2%A0",
            "llm%E3%80%80",
            "llm%E2%80%8B",
            "l%C2%ADlm",
            "llm%EF%BB%BF",
            "llm%C2%85",
            "llm%CC%81",
            "l%E2%80%AElm",
            "llm%E3%85%A4",
            "llm%EF%B8%8F",
            "llm.",
            "llm~",
            "llm+",
            "llm,",
            "llm%22",
            "llm%3F",
            "%e2%84%93%e2%84%93m",
        )
    ),
    *(f"/{api}/{version}/llm/x" for api, version in (("api%20", "v2"), ("%20api", "v2"), ("api", "v2%20"))),
]


@pytest.mark.parametrize("path", MODELS)
def test_no_path_to_models_is_passed_on(path: str) -> None:
    with pytest.raises(Refusal) as caught:
        normal_path(path)
    assert caught.value.kind.status in {400, 404}


def test_a_record_says_that_a_path_leads_to_models() -> None:
    with pytest.raises(Refusal) as caught:
        normal_path("/api/v3/llm/proxy/other")
    assert (caught.value.name, caught.value.detail) == ("not_found", "path to models, which is never passed on")


@pytest.mark.parametrize(
    "path",
    [
        "", "*", "api", "/a/./b", "/a/../b", "/..", "/.", "/a%2fb", "/a%2Fb", "/a%5Cb", "/a\\b", "/a;b=c", "/a%3Bb",
        "/%2e%2e/a", "/a%00", "/a%0d%0ab", "/a%7f", "/a%25", "/a%2565", "/a%", "/a%4", "/a%zz", "/a b", "/a\tb", "/a#b",
        "/a\x00", "/a\u00e4", "/a\u212a", "/a%ff", "/a<b>", '/a"b', "/a{b}", "/a|b", "/a^b", "/a`b", "/a[b]",
        "/%E2%80%A4%E2%80%A4/b", "/a\udcff",
    ],
)  # fmt: skip
def test_what_may_be_read_in_two_ways_is_refused(path: str) -> None:
    with pytest.raises(Refusal) as caught:
        normal_path(path)
    assert caught.value.name == "bad_target"


@given(st.text(st.sampled_from("/aApPiIvV2lLmMxX.%246cCdD\u017f;\\"), max_size=30).map(lambda tail: f"/api/v2/{tail}"))
def test_what_is_passed_on_reads_the_same_again(path: str) -> None:
    try:
        normal = normal_path(path)
    except Refusal:
        return
    assert normal_path(normal) == normal
    assert not normal.lower().startswith(("/api/v2/llm/", "//"))
    assert normal.lower() != "/api/v2/llm"


@pytest.mark.parametrize("query", ["", "a=b", "a=%20&b", "preview=true&x=[1]", "a?b"])
def test_a_query_travels_as_it_came(query: str) -> None:
    assert plain_query(query) == query


@pytest.mark.parametrize("query", ["a b", "a#b", "\u00e4", "a\r\nb", "a\x7f"])
def test_an_odd_query_is_refused(query: str) -> None:
    with pytest.raises(Refusal, match="query"):
        plain_query(query)
