import pytest

from addons.values.endpoint import endpoint, origin


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/x", "https://a.example:443/y?z", True),
        ("https://a.example/x", "https://A.EXAMPLE/x", True),
        ("https://a.example/x", "https://b.example/x", False),
        ("https://a.example/x", "https://a.example:444/x", False),
        ("https://a.example/x", "https://a.example.evil.example/x", False),
        ("http://127.0.0.1/x", "https://127.0.0.1/x", False),
    ],
)
def test_origins(one: str, other: str, same: bool) -> None:
    assert (origin(one) == origin(other)) is same


@pytest.mark.parametrize(
    "written",
    [
        "https://user:hunter2", "https://user:hunter2@a.example", "https://user:hunter2℀@a.example",
        "https://[hunter2/x", "user:hunter2@a.example", "https://a.example/#hunter2",
    ],
)  # fmt: skip
def test_what_is_refused_is_not_repeated(written: str) -> None:
    with pytest.raises(ValueError) as caught:
        endpoint(written)
    assert "write" in str(caught.value)
    assert "hunter2" not in str(caught.value)
