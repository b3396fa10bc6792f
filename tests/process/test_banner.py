"""The banner's lines that depend on where it is printed."""

import pytest

from addons.process.banner import Listening, banner, proxy_variable


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "HTTPS_PROXY"),
        ({"http_proxy": "http://proxy:3128", "NO_PROXY": "example.org"}, "http_proxy"),
        ({"all_proxy": "http://proxy:3128", "NO_PROXY": "localhost"}, "all_proxy"),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "localhost, 127.0.0.1"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "*"}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "HTTP_PROXY"),
    ],
)
def test_a_proxy_of_the_environment_is_spoken_of(environment: dict[str, str], variable: str | None) -> None:
    assert proxy_variable(environment) == variable


@pytest.mark.parametrize("proxied", [True, False])
def test_the_banner_says_what_spares_its_calls_the_proxy(proxied: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128" if proxied else "")
    told = banner(Listening(["127.0.0.1:8080"], "ca.pem"))
    assert ("export NO_PROXY=localhost,127.0.0.1   # HTTPS_PROXY is set" in told) == proxied
