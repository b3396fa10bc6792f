import base64
import struct

import pytest

from addons.inspecting.pictures import pixels

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"\x08\x06\x00\x00\x00"
GIF = b"GIF89a" + struct.pack("<HH", 320, 200)
SEGMENT = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF" + b"\0" * 10
JPEG = b"\xff\xd8" + SEGMENT + b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 600, 800)


@pytest.mark.parametrize(
    ("file", "size"),
    [
        (PNG, (640, 480)),
        (GIF, (320, 200)),
        (JPEG, (800, 600)),
        (JPEG + b"\0" * 100_000, (800, 600)),
        (PNG[:18], None),
        (JPEG[:26], None),
        (b"\xff\xd8" + SEGMENT * 5000, None),
        (b"\xff\xd8\0\0\0\0", None),
        (b"RIFF....WEBP", None),
        (b"", None),
    ],
)
def test_pixels(file: bytes, size: tuple[int, int] | None) -> None:
    assert pixels(base64.b64encode(file).decode()) == size


@pytest.mark.parametrize("text", ["", "a", "!!!!", "é" * 100, "=" * 7])
def test_what_is_no_base64(text: str) -> None:
    assert pixels(text) is None
