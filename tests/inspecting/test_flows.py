"""What a flow holds of an answer. How flows come and go is in ``tests/proxy/test_showing.py``."""

import pytest

from addons.inspecting.flows import Capture


@pytest.mark.parametrize(("most", "kept"), [(0, b""), (3, b"abc"), (4, b"abcd"), (9, b"abcdef")])
def test_capture(most: int, kept: bytes) -> None:
    capture = Capture(most)
    for chunk in (b"abc", b"", b"def"):
        capture(chunk)
    assert (bytes(capture.kept), capture.total) == (kept, 6)
