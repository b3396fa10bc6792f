import pytest

from addons.call import Call, OtherPath
from addons.foundry.paths import BASE, PATH
from addons.foundry.refusals import Refusal
from addons.foundry.trace import read_trace
from addons.gates.route import LOOPBACK_NAMES, MAX_HEADERS, MAX_TARGET, Route, is_for_models, without_port

FOUNDRY = "acme.palantirfoundry.com"
ROUTE = Route(LOOPBACK_NAMES | {FOUNDRY})
FORWARDING = Route(LOOPBACK_NAMES | {FOUNDRY}, {FOUNDRY}, other_paths=True)


def call(target: str = PATH, method: str = "POST", **more: object) -> Call:
    headers = {"host": ("localhost:8080",), **more.pop("headers", {})}  # type: ignore[dict-item]  # of the kind a Call takes
    return Call(method=method, target=target, headers=headers, trace=read_trace({}), **more)  # type: ignore[arg-type]  # keywords of any kind


@pytest.mark.parametrize(
    "target", [PATH, "/" + PATH, PATH + "/", "//api//v2/llm///proxy/openai/v1/responses", PATH + "?a=b", PATH + "/?"]
)
def test_served(target: str) -> None:
    ROUTE(call(target))


def test_a_query_is_noted() -> None:
    asked = call(PATH + "?stream=true")
    ROUTE(asked)
    assert asked.query_dropped


@pytest.mark.parametrize(
    ("target", "refusal"),
    [
        ("/", "wrong_path"),
        ("", "wrong_path"),
        ("*", "wrong_path"),
        (PATH + "/resp_123", "not_found"),
        (PATH + "/resp_123/cancel", "not_found"),
        (PATH + "/resp_123/input_items", "not_found"),
        (PATH + "/compact", "not_found"),
        (PATH + "/input_tokens", "not_found"),
        (PATH.upper(), "not_found"),
        (PATH[:-1] + "%73", "not_found"),
        (PATH.replace("responses", "chat"), "not_found"),
        (PATH.replace("responses", "completions"), "not_found"),
        (PATH.replace("responses", "chat/completions/chatcmpl-1"), "not_found"),
        (PATH.replace("responses", "embeddings/1"), "not_found"),
        ("/api/v2/llm/proxy/anthropic/v1/messages", "not_found"),
        ("/v1/responses", "wrong_path"),
        (PATH + "%2f", "bad_target"),
        (PATH + "%2Fresp_1", "bad_target"),
        (PATH + "%5C", "bad_target"),
        (PATH + "\\x", "bad_target"),
        (PATH + ";a=b", "bad_target"),
        ("/api/v2/llm/proxy/openai/v1/./responses", "bad_target"),
        ("/api/v2/llm/proxy/openai/v1/x/../responses", "bad_target"),
        ("/api/v2/llm/proxy/openai/v1/x/%2e%2e/responses", "bad_target"),
        ("/api/v2/..", "bad_target"),
        (PATH + "%00", "bad_target"),
        ("/" + "a" * MAX_TARGET, "target_too_long"),
    ],
)
def test_refused_by_target(target: str, refusal: str) -> None:
    with pytest.raises(Refusal) as caught:
        ROUTE(call(target))
    assert caught.value.name == refusal
    assert (caught.value.detail == "path not served") == (refusal in {"not_found", "wrong_path"})


def test_the_list_of_models_is_answered_here() -> None:
    asked = call(f"{BASE}/models", "GET")
    ROUTE(asked)
    assert (asked.api, asked.answered_here) == (None, True)
    posted = call()
    ROUTE(posted)
    assert (posted.api and posted.api.name, posted.answered_here) == ("responses", False)


@pytest.mark.parametrize(
    ("target", "says"),
    [("/", f"Calls go to {PATH}."), ("/v1/responses", BASE), ("/favicon.ico", "Nothing is served at this path.")],
)
def test_what_an_app_is_told_that_asks_at_no_path_of_foundrys(target: str, says: str) -> None:
    with pytest.raises(Refusal) as caught:
        ROUTE(call(target))
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("target", "is_one"),
    [
        (PATH, True), (f"{PATH}?a=b", True), (f"/{PATH}/", True), (f"{BASE}/chat/completions", True),
        (f"{BASE}/models", False), (f"{PATH}/resp_1", False), ("/", False), ("?" + PATH, False),
    ],
)  # fmt: skip
def test_targets_whose_calls_go_to_a_model(target: str, is_one: bool) -> None:
    assert is_for_models(target) is is_one


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "post", "CONNECT"])
def test_other_methods(method: str) -> None:
    with pytest.raises(Refusal) as caught:
        ROUTE(call(method=method))
    assert caught.value.name == "method_not_allowed"
    assert caught.value.headers["Allow"] == "POST"


@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket", "h2c, websocket"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_websocket_is_told_to_fall_back(method: str, upgrade: str) -> None:
    with pytest.raises(Refusal) as caught:
        ROUTE(call(method=method, headers={"upgrade": (upgrade,)}))
    assert caught.value.kind.status == 426


@pytest.mark.parametrize(
    ("hosts", "refusal"),
    [
        (("evil.example",), "not_found"),
        (("localhost.evil.example",), "not_found"),
        (("2130706433",), "not_found"),
        (("127.1",), "not_found"),
        (("acme..palantirfoundry.com",), "not_found"),
        (("",), "not_found"),
        ((), "bad_target"),
        (("localhost", "localhost"), "bad_target"),
    ],
)
def test_refused_by_host(hosts: tuple[str, ...], refusal: str) -> None:
    with pytest.raises(Refusal) as caught:
        ROUTE(call(headers={"host": hosts}))
    assert caught.value.name == refusal
    assert caught.value.decided_by == ("foundry.hostnames" if refusal == "not_found" else None)
    assert caught.value.detail == ("host not among foundry.hostnames" if refusal == "not_found" else None)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:8080",
        "[::1]:8080",
        "::1",
        "[::ffff:127.0.0.1]",
        "Acme.PalantirFoundry.com",
        "acme.palantirfoundry.com.:443",
    ],
)
def test_hosts_served(host: str) -> None:
    ROUTE(call(headers={"host": (host,)}))


def test_an_absolute_target_is_refused() -> None:
    with pytest.raises(Refusal, match="absolute"):
        ROUTE(call(authority="api.openai.com"))


def test_the_host_must_be_the_one_tls_was_made_for() -> None:
    ROUTE(call(server_name="LocalHost"))
    with pytest.raises(Refusal, match="another host"):
        ROUTE(call(server_name="acme.palantirfoundry.com"))


def test_a_target_may_be_as_long_as_the_bound_says() -> None:
    with pytest.raises(Refusal) as caught:
        ROUTE(call("/" + "a" * (MAX_TARGET - 1)))
    assert caught.value.name == "wrong_path"


def test_headers_may_be_as_long_as_the_bound_says() -> None:
    before = len("host" + "localhost:8080" + "x")
    ROUTE(call(headers={"x": ("a" * 5, "a" * (MAX_HEADERS - before - 5))}))
    with pytest.raises(Refusal):
        ROUTE(call(headers={"x": ("a" * 5, "a" * (MAX_HEADERS - before - 4))}))


def test_headers_are_bounded() -> None:
    with pytest.raises(Refusal) as caught:
        ROUTE(call(headers={"x": ("a" * MAX_HEADERS,)}))
    assert caught.value.kind.status == 431


@pytest.mark.parametrize(
    ("authority", "host"),
    [("a:1", "a"), ("a", "a"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("::1", "::1"), ("", ""), (":80", "")],
)
def test_without_port(authority: str, host: str) -> None:
    assert without_port(authority) == host


def to_foundry(target: str, **more: object) -> Call:
    return call(target, **{"headers": {"host": (f"{FOUNDRY}:443",)}, **more})  # type: ignore[arg-type]  # keywords of any kind


def test_another_path_is_marked_where_it_is_passed_on() -> None:
    asked = to_foundry("//api/v2/%6Fntologies/?preview=true", method="GET")
    FORWARDING(asked)
    assert asked.other_path == OtherPath(FOUNDRY, "/api/v2/ontologies/")
    assert (asked.to, asked.query_dropped) == ("foundry", False)


def test_foundrys_documented_path_is_still_served_here() -> None:
    asked = to_foundry(PATH + "/?a=b")
    FORWARDING(asked)
    assert (asked.other_path, asked.to, asked.query_dropped) == (None, "provider", True)


@pytest.mark.parametrize(
    ("target", "more", "refusal"),
    [
        ("/api/v2/ontologies", {"headers": {"host": ("localhost",)}}, "not_found"),
        ("/api/v2/ontologies", {"headers": {"host": ("api.openai.com",)}}, "not_found"),
        ("/api/v2/ontologies", {"authority": FOUNDRY}, "bad_target"),
        ("/api/v2/ontologies", {"server_name": "localhost"}, "bad_target"),
        ("/api/v2/ontologies", {"listener": "proxy"}, "host_refused"),
        ("/api/v2/ontologies", {"method": "TRACE"}, "method_not_allowed"),
        ("/api/v2/ontologies", {"method": "CONNECT"}, "method_not_allowed"),
        ("/api/v2/ontologies", {"method": "get"}, "method_not_allowed"),
        ("/socket", {"headers": {"host": (FOUNDRY,), "upgrade": ("websocket",)}, "method": "GET"}, "upgrade_refused"),
        (PATH, {"method": "GET"}, "method_not_allowed"),
        (PATH + "/resp_1", {}, "not_found"),
        (PATH[:-1] + "%73", {}, "not_found"),
        (PATH.upper(), {}, "not_found"),
        ("/api/v2/llm/proxy/anthropic/v1/messages", {}, "not_found"),
        ("/api/v2/ontologies/../llm/proxy/openai/v1/chat/completions", {}, "bad_target"),
        ("/api/v2/a%2Fb", {}, "bad_target"),
    ],
)
def test_other_paths_that_are_not_passed_on(target: str, more: dict[str, object], refusal: str) -> None:
    asked = to_foundry(target, **more)
    with pytest.raises(Refusal) as caught:
        FORWARDING(asked)
    assert caught.value.name == refusal


@pytest.mark.parametrize("route", [ROUTE, FORWARDING])
@pytest.mark.parametrize(
    ("target", "not_served"),
    [
        ("/api/v2/llm/proxy/anthropic/v1/messages?a=b", "anthropic/messages"),
        ("/api/v2/llm/proxy/xai/v1/chat/completions", "xai/chat/completions"),
        (PATH + "/resp_1", "openai/responses"),
        ("/v1/messages", None),
    ],
)
def test_of_what_is_not_served_it_is_known_which_api_was_meant(
    route: Route, target: str, not_served: str | None
) -> None:
    asked = call(target)
    with pytest.raises(Refusal):
        route(asked)
    assert asked.not_served == not_served


def test_what_is_served_or_refused_by_its_host_is_not_among_it() -> None:
    asked = call()
    ROUTE(asked)
    stranger = call("/api/v2/llm/proxy/anthropic/v1/messages", headers={"host": ("evil.example",)})
    with pytest.raises(Refusal):
        ROUTE(stranger)
    assert (asked.not_served, stranger.not_served) == (None, None)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_that_are_passed_on(method: str) -> None:
    FORWARDING(to_foundry("/api/v2/ontologies", method=method))


def test_by_default_nothing_is_passed_on() -> None:
    with pytest.raises(Refusal) as caught:
        Route({FOUNDRY}, {FOUNDRY})(to_foundry("/api/v2/ontologies"))
    assert (caught.value.name, caught.value.decided_by) == ("not_found", "foundry.other_paths")
    with pytest.raises(Refusal) as caught:
        Route({FOUNDRY, "localhost"}, {FOUNDRY})(call("/api/v2/ontologies"))
    assert (caught.value.name, caught.value.decided_by) == ("not_found", None), "of localhost nothing ever is"


@pytest.mark.parametrize(
    ("encrypted", "host", "refusal"),
    [
        (True, "acme.palantirfoundry.com", None),
        (False, "acme.palantirfoundry.com", "host_refused"),
        (True, "localhost", "host_refused"),
        (True, "api.openai.com", "host_refused"),
        (False, "localhost", "host_refused"),
    ],
)
def test_through_the_explicit_proxy(encrypted: bool, host: str, refusal: str | None) -> None:
    own = Route(LOOPBACK_NAMES | {"acme.palantirfoundry.com"}, {"acme.palantirfoundry.com"})
    asked = call(headers={"host": (host,)}, listener="proxy", encrypted=encrypted)
    if refusal is None:
        own(asked)
        return
    with pytest.raises(Refusal) as caught:
        own(asked)
    assert caught.value.name == refusal


def test_an_upgrade_is_answered_as_http_wants_it() -> None:
    with pytest.raises(Refusal) as caught:
        ROUTE(call(headers={"upgrade": ("websocket",)}))
    assert caught.value.headers == {"Upgrade": "HTTP/1.1", "Connection": "Upgrade"}
