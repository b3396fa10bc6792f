import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from addons.foundry.content_encoding import (
    BombError,
    CorruptError,
    TooLargeError,
    UnknownCodingError,
    coding_of,
    decode,
)

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
def test_a_body_whose_end_is_missing_is_corrupt_though_all_of_it_is_there(encoding: str, size: int) -> None:
    with pytest.raises(CorruptError):
        decode(unfinished(encoding, b"x" * size), encoding, CAP)


def unfinished(encoding: str, data: bytes) -> bytes:
    if encoding == "br":
        brotlis = brotli.Compressor()
        return bytes(brotlis.process(data) + brotlis.flush())
    if encoding == "zstd":
        zstandards = zstandard.ZstdCompressor().compressobj()
        return zstandards.compress(data) + zstandards.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    zlibs = zlib.compressobj(wbits=zlib.MAX_WBITS | 16 if encoding == "gzip" else zlib.MAX_WBITS)
    return zlibs.compress(data) + zlibs.flush(zlib.Z_SYNC_FLUSH)


@packed
def test_a_large_body_may_be_as_large_as_the_cap(encoding: str) -> None:
    data = random.Random(0).randbytes(1_000_000)
    assert decode(ENCODERS[encoding](data), encoding, len(data)) == data


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


EIGHT_MIB = 8_388_608


@packed
def test_eight_mebibytes_are_free_however_little_was_sent(encoding: str) -> None:
    assert len(decode(ENCODERS[encoding](bytes(EIGHT_MIB)), encoding, 4 * EIGHT_MIB)) == EIGHT_MIB
    if encoding in {"br", "zstd"}:  # the others pack no thousandfold
        with pytest.raises(BombError):
            decode(ENCODERS[encoding](bytes(EIGHT_MIB + 1)), encoding, 4 * EIGHT_MIB)


def test_beyond_them_a_body_may_be_a_thousand_times_as_large_as_what_was_sent() -> None:
    noise = random.Random(0).randbytes(9_000)
    sent = packed_quickly(noise + bytes(9_000_000))
    most = 1000 * len(sent) - len(noise)
    for zeros, is_bomb in ((most, False), (most + 1, True)):
        body = noise + bytes(zeros)
        assert len(packed_quickly(body)) == len(sent)
        if is_bomb:
            with pytest.raises(BombError):
                decode(packed_quickly(body), "br", 4 * EIGHT_MIB)
        else:
            assert decode(packed_quickly(body), "br", 4 * EIGHT_MIB) == body


def packed_quickly(data: bytes) -> bytes:
    return bytes(brotli.compress(data, quality=5))


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_thousand_parts_may_lie_one_behind_the_other(encoding: str) -> None:
    part = ENCODERS[encoding](b"1")
    assert decode(part * 1000, encoding, EIGHT_MIB) == b"1" * 1000
    with pytest.raises(BombError):
        decode(part * 1001, encoding, EIGHT_MIB)


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([], "identity"), ([""], "identity"), (["gzip"], "gzip"), (["X-GZIP"], "gzip"), ([" , br\t"], "br"),
        (["zstd"], "zstd"), (["", "deflate"], "deflate"), (["identity"], "identity"),
        (["gzip, br"], None), (["gzip", "gzip"], None), (["lzma"], None), (["gzip;q=1"], None),
    ],
)  # fmt: skip
def test_the_coding_that_a_request_names(values: list[str], coding: str | None) -> None:
    """RFC 9110 §8.4."""
    if coding is None:
        with pytest.raises(UnknownCodingError):
            coding_of(values)
    else:
        assert coding_of(values) == coding
