"""Decodes a request body under a cap, so that a small bomb can't become a large body."""

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import brotli
import zstandard


class TooLargeError(Exception):
    """The decoded body would be over the cap."""


class CorruptError(Exception):
    """The body is not what its Content-Encoding says, or holds something behind its end."""


def _inflate(window_bits: int) -> Callable[[bytes, int], bytes]:
    def decode(data: bytes, cap: int) -> bytes:
        decoder = zlib.decompressobj(window_bits)
        out = decoder.decompress(data, cap + 1)
        if len(out) <= cap and (not decoder.eof or decoder.unused_data):
            raise CorruptError
        return out

    return decode


def _deflate(data: bytes, cap: int) -> bytes:
    """``deflate`` is zlib's format by RFC 9110, and raw deflate from some clients."""
    try:
        return _inflate(zlib.MAX_WBITS)(data, cap)
    except zlib.error:
        return _inflate(-zlib.MAX_WBITS)(data, cap)


def _brotli(data: bytes, cap: int) -> bytes:
    decoder = brotli.Decompressor()
    out = bytearray(decoder.process(data, output_buffer_limit=cap + 1))
    while len(out) <= cap and not decoder.is_finished():
        more = decoder.process(b"", output_buffer_limit=cap + 1 - len(out))
        if not more:
            raise CorruptError
        out += more
    return bytes(out)


def _zstandard(data: bytes, cap: int) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(data) as reader:
        out = reader.read(cap + 1)
    if len(out) <= cap:
        whole = zstandard.ZstdDecompressor().decompressobj()  # the reader stops quietly where the data is cut
        whole.decompress(data)
        if not whole.eof or whole.unused_data:
            raise CorruptError
    return out


DECODERS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "identity": lambda data, _cap: data,
    "gzip": _inflate(zlib.MAX_WBITS | 16),
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstandard,
}


def decode(data: bytes, encoding: str, cap: int) -> bytes:
    """The body without its encoding, a key of ``DECODERS``; ``cap`` in bytes.

    Raises:
        TooLargeError, CorruptError.
    """
    try:
        out = DECODERS[encoding](data, cap)
    except (zlib.error, brotli.error, zstandard.ZstdError) as error:
        raise CorruptError from error
    if len(out) > cap:
        raise TooLargeError
    return out
