"""The addresses of the section ``provider``."""

import pytest
from pydantic import ValidationError

from addons.exchange.provider_settings import ForwardProxy


def test_a_forward_proxy() -> None:
    assert ForwardProxy.model_validate({"url": "http://proxy.example:3128"}).address == ("proxy.example", 3128)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://proxy.example", "write http://HOST:PORT"),
        ("http://proxy.example:3128/path", "without a path"),
        ("https://proxy.example:3128", "http"),
        ("http://user:hunter2@proxy.example:3128", "password is a secret"),
    ],
)
def test_a_wrong_one(url: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        ForwardProxy.model_validate({"url": url})
    assert "hunter2" not in caught.value.errors()[0]["msg"]
