import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from addons.foundry.content_encoding import CorruptError, TooLargeError, decode

CAP = 1000
PLAIN = b'{"model": "x"}' * 20

ENCODERS = {
    "identity": lambda data: data,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}
packed = pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
by_encoding = pytest.mark.parametrize("encoding", ENCODERS)


@by_encoding
@pytest.mark.parametrize("data", [PLAIN, b"a", b"x" * CAP])
def test_decodes(encoding: str, data: bytes) -> None:
    assert decode(ENCODERS[encoding](data), encoding, CAP) == data


def test_raw_deflate_is_read_too() -> None:
    encoder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert decode(encoder.compress(PLAIN) + encoder.flush(), "deflate", CAP) == PLAIN


@pytest.mark.parametrize("encoding", ["deflate", "br"])
def test_one_stream_behind_another_is_none_of_these_encodings(encoding: str) -> None:
    with pytest.raises(CorruptError):
        decode(ENCODERS[encoding](PLAIN) * 2, encoding, CAP)


@by_encoding
@pytest.mark.parametrize("size", [CAP + 1, 50_000_000])
def test_a_bomb_stops_at_the_cap(encoding: str, size: int) -> None:
    with pytest.raises(TooLargeError):
        decode(ENCODERS[encoding](bytes(size)), encoding, CAP)


@packed
@pytest.mark.parametrize("cap", [CAP, 1_000_000])
def test_a_bomb_takes_little_more_memory_than_the_cap(encoding: str, cap: int) -> None:
    bomb = ENCODERS[encoding](bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            decode(bomb, encoding, cap)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * cap + 300_000  # decoders' own windows


@packed
@pytest.mark.parametrize("size", [CAP - 1, CAP])
def test_a_body_that_is_cut_is_corrupt_however_much_of_it_is_there(encoding: str, size: int) -> None:
    with pytest.raises(CorruptError):
        decode(ENCODERS[encoding](bytes(size))[:-1], encoding, CAP)


@packed
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data[:-3], id="cut"),
        pytest.param(lambda _data: b"not encoded at all", id="nonsense"),
        pytest.param(lambda _data: b"", id="empty"),
        pytest.param(lambda data: data + b"more", id="trailing"),
    ],
)
def test_corrupt(encoding: str, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(CorruptError):
        decode(spoil(ENCODERS[encoding](PLAIN)), encoding, CAP)
