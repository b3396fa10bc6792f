import pytest
from pydantic import TypeAdapter, ValidationError

from addons.values.address import DialledAddress, PassedHost, join_address, split_address


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("[::1]:0", "::1", 0),
        ("LOCALHOST:65535", "localhost", 65535),
        ("0.0.0.0:1", "0.0.0.0", 1),
    ],
)
def test_split(written: str, host: str, port: int) -> None:
    assert split_address(written) == (host, port)
    assert split_address(join_address(host, port)) == (host, port)


@pytest.mark.parametrize(
    "written",
    ["", "nowhere", "a:", ":80", "a:65536", "a:-1", "a:\uff18", "::1:80", "a:80/x", "u@a:80", "a:80 ", "a b:80"],
)
def test_no_address(written: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|no host name"):
        split_address(written)


@pytest.mark.parametrize(
    ("written", "passed"),
    [
        ("a.example", "a.example:443"),
        ("A.example.:8443", "a.example:8443"),
        ("[2001:db8::1]", "[2001:db8::1]:443"),
        ("[2001:db8::1]:80", "[2001:db8::1]:80"),
    ],
)
def test_a_passed_host(written: str, passed: str) -> None:
    assert TypeAdapter(PassedHost).validate_python(written) == passed


@pytest.mark.parametrize(
    "written", ["localhost", "127.0.0.2:443", "[::1]", "[::ffff:127.0.0.1]:1", "a.example:0", "127.1"]
)
def test_no_passed_host(written: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PassedHost).validate_python(written)


def test_port_0_is_not_dialled() -> None:
    with pytest.raises(ValidationError, match="port 0"):
        TypeAdapter(DialledAddress).validate_python("a.example:0")


@pytest.mark.parametrize(
    "written",
    [
        *("http://ada:hunter2@a.example:80", "ada:hunter2@a.example", "hunter2@a.example:80"),
        *("hunter2@10.0.0.1:80", "[ada:hunter2@::1]:80", "hunter2℀@a.example:80", "hunter2-\u0301-@a.example:80"),
    ],
)
def test_what_may_be_a_password_is_not_repeated(written: str) -> None:
    with pytest.raises(ValueError) as caught:
        split_address(written)
    assert "hunter2" not in str(caught.value)
