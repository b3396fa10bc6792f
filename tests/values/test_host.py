import pytest
from pydantic import TypeAdapter, ValidationError

from addons.values.host import HostName, is_loopback, is_same_host, normal_host


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("API.OpenAI.com", "api.openai.com"),
        ("api.openai.com.", "api.openai.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example.", "xn--bcher-kva.example"),
        ("api。openai.com", "api.openai.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("my_proxy", "my_proxy"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("[::1]", "::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[::ffff:10.0.0.1]", "10.0.0.1"),
    ],
)
def test_each_host_has_one_form(written: str, normal: str) -> None:
    assert normal_host(written) == normal
    assert normal_host(normal) == normal


@pytest.mark.parametrize(
    "written",
    [
        "", ".", "..", "a..b", ".a", "a b", "a\n", "a\0", "-a", "a-", "a" * 64, ".".join(["a" * 60] * 5), "a/b", "a@b",
        "a%2e",
        "2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1.1", "256.1.1.1", "1.2.3.04", "a.123",
        "[::1", "::1]", "[a]", "[127.0.0.1]x", "[127.0.0.1]", "fe80::1%eth0", ":::", "\ud800",
    ],
)  # fmt: skip
def test_what_is_no_host(written: str) -> None:
    with pytest.raises(ValueError, match=r"no host name|no IP address|interface|brackets"):
        normal_host(written)


def test_the_same_host_in_two_spellings() -> None:
    assert is_same_host("API.openai.com.", "api.openai.com")
    assert not is_same_host("a..b", "a..b")


@pytest.mark.parametrize(
    ("host", "home"), [("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False)]
)
def test_loopback(host: str, home: bool) -> None:
    assert is_loopback(host) is home


@pytest.mark.parametrize(
    "written", ["https://Acme.example", "acme.example:443", "https://acme.example:443/x?y", "acme.example/path"]
)
def test_a_url_where_a_host_name_belongs(written: str) -> None:
    with pytest.raises(ValidationError, match=r"write only the host name, .*, here (?i:acme\.example)"):
        TypeAdapter(HostName).validate_python(written)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://ada:hunter2@acme.example", "'…@acme.example'"),
        ("ada:hunter2@acme.example", "'…@acme.example'"),
        ("https://ada:hun?ter2@acme.example/x", "'…@acme.example/x'"),
        ("https://acme.example/x?key=hunter2", "'https://acme.example/x?…'"),
        ("https://acme.example/#hunter2", "'https://acme.example/?…'"),
    ],
)
def test_what_may_be_a_secret_is_not_repeated(written: str, shown: str) -> None:
    with pytest.raises(ValidationError, match="write only the host name") as caught:
        TypeAdapter(HostName).validate_python(written)
    assert shown in caught.value.errors()[0]["msg"]
