"""Decodes a request body under a cap, so that a small bomb can't become a large body."""

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import brotli
import zstandard

FREE: Final = 8 * 1024 * 1024
"""Decoded bytes that any number of bytes sent may become."""

RATIO: Final = 1000
"""Decoded bytes for each byte sent, beyond ``FREE``. An agent's history becomes a hundredfold of what was sent."""

MEMBERS: Final = 1000
"""Members of gzip, or frames of zstd, in one body. Tools that cut at all cut at 64 KiB: 512 members for 32 MiB."""

_BLOCK: Final = 64 * 1024  # bytes given to a decoder at a time: what lies behind a member's end is copied


class TooLargeError(Exception):
    """The decoded body would be over the cap."""


class BombError(TooLargeError):
    """The body is packed as none is in earnest; its text finishes the sentence "the body …"."""


class CorruptError(Exception):
    """The body is not what its Content-Encoding says, or holds something behind its end."""


class UnknownCodingError(Exception):
    """The Content-Encoding is none of ``DECODERS``, or more than one."""


def _members(
    data: bytes, start: Callable[[], Any], take: Callable[[Any, memoryview, int], bytes], most: int, cap: int
) -> bytes:
    """What lies one behind the other, each with a decoder of its own, joined; or a little more than ``cap`` bytes.

    Args:
        data: the whole body.
        start: makes a decoder, one of zlib's or of zstandard's: they tell alike where a member ends.
        take: decodes a block, to no more bytes than given.
        most: as many members may be there.
        cap: in bytes.
    """
    rest, pieces, size = memoryview(data), list[bytes](), 0
    for _ in range(most):
        decoder = start()
        while not decoder.eof:
            block = rest[:_BLOCK]
            if not block:
                raise CorruptError
            piece = take(decoder, block, cap + 1 - size)
            pieces.append(piece)
            size += len(piece)
            if size > cap:
                return b"".join(pieces)
            rest = rest[len(block) - len(decoder.unused_data) :]
        if not rest:
            return b"".join(pieces)
    if most == 1:
        raise CorruptError
    raise BombError(f"is made of more than {most} compressed parts")


def _inflate(window_bits: int, most: int = 1) -> Callable[[bytes, int], bytes]:
    def start() -> Any:
        return zlib.decompressobj(window_bits)

    def take(decoder: Any, block: memoryview, limit: int) -> bytes:
        piece: bytes = decoder.decompress(block, limit)
        return piece

    return lambda data, cap: _members(data, start, take, most, cap)


def _deflate(data: bytes, cap: int) -> bytes:
    """``deflate`` is zlib's format by RFC 9110, and raw deflate from some clients."""
    try:
        return _inflate(zlib.MAX_WBITS)(data, cap)
    except zlib.error:
        return _inflate(-zlib.MAX_WBITS)(data, cap)


def _brotli(data: bytes, cap: int) -> bytes:
    decoder = brotli.Decompressor()
    out: bytes = decoder.process(data, output_buffer_limit=cap + 1)
    if len(out) <= cap and not decoder.is_finished():
        raise CorruptError
    return out


def _zstandard(data: bytes, cap: int) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        out = reader.read(cap + 1)
    if len(out) <= cap:  # the reader stops quietly where the data is cut; its decoders can't be held to a size
        _members(data, zstandard.ZstdDecompressor().decompressobj, _discarding, MEMBERS, cap)
    return out


def _discarding(decoder: Any, block: memoryview, _limit: int) -> bytes:
    decoder.decompress(block)
    return b""


DECODERS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "identity": lambda data, _cap: data,
    "gzip": _inflate(zlib.MAX_WBITS | 16, MEMBERS),  # RFC 1952 §2.2: members one behind the other
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstandard,  # RFC 8878 §3: frames one behind the other, some of which may be skipped
}

_ALIASES: Final = {"x-gzip": "gzip"}  # RFC 9110 §8.4.1.3


def coding_of(values: Iterable[str]) -> str:
    """The key of ``DECODERS`` that the values of a request's Content-Encoding headers name; ``identity`` for none.

    Raises:
        UnknownCodingError.
    """
    codings = [coding for value in values for each in value.split(",") if (coding := each.strip(" \t").lower())]
    if not codings:
        return "identity"
    name = _ALIASES.get(codings[0], codings[0])
    if len(codings) > 1 or name not in DECODERS:
        raise UnknownCodingError
    return name


def decode(data: bytes, encoding: str, cap: int) -> bytes:
    """The body without its encoding, a key of ``DECODERS``; ``cap`` in bytes.

    Raises:
        TooLargeError, BombError, CorruptError.
    """
    limit = min(cap, max(FREE, RATIO * len(data)))
    try:
        out = DECODERS[encoding](data, limit)
    except (zlib.error, brotli.error, zstandard.ZstdError) as error:
        raise CorruptError from error
    if len(out) <= limit:
        return out
    if limit == cap:
        raise TooLargeError
    raise BombError(f"is more than {RATIO} times as large decoded as sent, and over {FREE // 2**20} MiB")
