import pytest

from addons.values.url import plain_url


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("https://API.openai.com./v1/", "https://api.openai.com/v1"),
        ("https://api.openai.com", "https://api.openai.com"),
        ("https://api.openai.com:8443/openai/v1", "https://api.openai.com:8443/openai/v1"),
        ("https://[::1]:8443/v1", "https://[::1]:8443/v1"),
        ("HTTPS://a.example/v1.2~x_y-z", "https://a.example/v1.2~x_y-z"),
    ],
)
def test_one_form(written: str, plain: str) -> None:
    assert plain_url(written, "https") == plain


@pytest.mark.parametrize(
    "written",
    [
        "", "a.example", "http://a.example", "https://", "https:///v1", "https://a.example:0/v1", "https://a.example:/v1",
        "https://a.example:99999", "https://a.example:x", "https://user@a.example", "https://user:hunter2@a.example/v1",
        "https://a.example/v1?key=hunter2", "https://a.example#hunter2", "user:hunter2@a.example", "https://user:hunter2",
        "https://user:a/hunter2@a.example", "https://user:hunter2?@a.example", "https://user:hunter2℀@a.example",
        "https://a.example/v1?x=1", "https://a.example/v1#x", "https://a.example/v 1", " https://a.example",
        "https://a.example/v1\r\nX: y", "https://a.example/../v1", "https://a.example/./v1", "https://a.example/v1;x",
        "https://a.example/%2e%2e/v1", "https://a.example//v1", "https://a.example\\v1", "https://a b/v1", "https://[::1/v1",
        "https://2130706433/v1", "https://bücher.example/v1",
    ],
)  # fmt: skip
def test_what_is_refused(written: str) -> None:
    with pytest.raises(ValueError) as caught:
        plain_url(written, "https")
    assert "hunter2" not in str(caught.value)
