"""What a line of the log never holds."""

import pytest

from addons.process import logs


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("404 GET /nowhere?token=1234abcd (127.0.0.1) 0.5ms", "404 GET /nowhere?token=… (127.0.0.1) 0.5ms"),
        ("GET /?a=b&token=1234&c=d", "GET /?a=b&token=…&c=d"),
        ("nothing of the kind", "nothing of the kind"),
        (17, 17),
    ],
)
def test_the_token_of_the_page_is_no_part_of_it(event: object, expected: object) -> None:
    assert logs._without_page_token(None, "info", {"event": event}) == {"event": expected}
