"""Bodies as bytes: spelled in every way JSON has, and in some that it has not."""

import json
import random
import tracemalloc
import zlib
from collections.abc import Callable
from time import process_time
from typing import Any, Final, Literal

import brotli
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addons.apis.policy_settings import PolicySettings
from addons.bodies import splice
from addons.bodies.verdict import ABSENT
from addons.foundry.content_encoding import CorruptError, TooLargeError, decode
from addons.foundry.refusals import Refusal
from tests.fuzz.bodies import tampered
from tests.fuzz.reading import DuplicateError, read_again
from tests.fuzz.second_judge import objections
from tests.fuzz.test_policy import MODEL
from tests.responses.judging import judge
from tests.tally import Tally

MEGABYTE: Final = 1024 * 1024


def spelled(value: Any, chance: random.Random, *, twice: bool) -> str:
    """JSON with escapes where none are needed, odd white space, and keys written twice, each time another way."""
    space = chance.choice(("", "", " ", "\n\t", "\r\n"))
    if isinstance(value, dict):
        members = [
            f"{text(key, chance)}{space}:{space}{spelled(inner, chance, twice=twice)}" for key, inner in value.items()
        ]
        if twice and members and chance.random() < 0.2:
            key = chance.choice(list(value))
            members.insert(chance.randrange(len(members) + 1), f"{text(key, chance)}: null")
        return "{" + space + f",{space}".join(members) + space + "}"
    if isinstance(value, list):
        return "[" + f",{space}".join(spelled(inner, chance, twice=twice) for inner in value) + space + "]"
    if isinstance(value, str):
        return text(value, chance)
    return json.dumps(value)


def text(value: str, chance: random.Random) -> str:
    written = [
        f"\\u{ord(c):04x}" if chance.random() < 0.1 and ord(c) < 0x10000 else json.dumps(c, ensure_ascii=False)[1:-1]
        for c in value
    ]
    return f'"{"".join(written)}"'


def test_however_a_body_is_spelled(tally: Tally) -> None:
    """What is judged is what another parser reads, and what leaves differs in the changed members alone."""
    counted = {"spelled": 0, "keys twice": 0, "left": 0}

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(tampered(), st.randoms(use_true_random=False), st.booleans())
    def holds(document: dict[str, Any], chance: random.Random, twice: bool) -> None:
        body = spelled(document, chance, twice=twice).encode()
        counted["spelled"] += 1
        try:
            again = read_again(body)
        except DuplicateError:
            counted["keys twice"] += 1
            with pytest.raises(Refusal, match="same key twice"):
                splice.read(body)
            return
        read = splice.read(body)
        assert read == again == document
        verdict = judge(read, MODEL, PolicySettings())
        assert not (list(objections(again)) and not verdict.refused)
        if not verdict.refused:
            left = b"".join(splice.splice(body, read, verdict.members))
            assert_changed_alone(body, left, verdict.members)
            counted["left"] += 1

    holds()
    assert min(counted.values()) > 10, counted
    figures = f"{counted['keys twice']} with a key twice, {counted['left']} left"
    tally.add(
        "fuzz", "bodies spelled oddly, and read by another parser", tried=counted["spelled"], lost=0, figures=figures
    )


def assert_changed_alone(body: bytes, left: bytes, members: dict[str, Any]) -> None:
    before, after = read_again(body), read_again(left)
    wanted = {name: value for name, value in {**before, **members}.items() if value is not ABSENT}
    assert after == wanted
    if not any(name in before or value is not ABSENT for name, value in members.items()):
        assert left == body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'\xef\xbb\xbf{"model": "m"}', id="BOM"),
        pytest.param('{"model": "m"}'.encode("utf-16"), id="UTF-16"),
        pytest.param('{"model": "m"}'.encode("utf-32-le"), id="UTF-32"),
        pytest.param(b'{"model": "\xc0\xaf"}', id="overlong"),
        pytest.param(b'{"model": "\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param(b'{"model": "\\ud800"}', id="half a surrogate"),
        pytest.param(b'{"\\ud800": 1, "\\udbff": 2}', id="halves as keys"),
        pytest.param(b'{"model": "m", "\\u006dodel": "n"}', id="twice, by an escape"),
        pytest.param(b'{"a": {"b": 1, "\\u0062": 2}}', id="twice, inside"),
        pytest.param(b'{"model": "m"}{"model": "n"}', id="two objects"),
        pytest.param(b'{"model": "m",}', id="a comma too many"),
        pytest.param(b"{'model': 'm'}", id="single quotes"),
        pytest.param(b'{"model": "m" /* c */}', id="comment"),
        pytest.param(b'{"a": 01}', id="leading zero"),
        pytest.param(b'{"a": .5}', id="no leading digit"),
        pytest.param(b'{"a": Infinity}', id="Infinity"),
        pytest.param(b'{"a": -NaN}', id="NaN"),
        pytest.param(b'{"a": "\x00"}', id="NUL"),
        pytest.param(b'{"a": "\n"}', id="line feed in a string"),
        pytest.param(b"[" * 100_000, id="deep and open"),
        pytest.param(b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", id="deep"),
        pytest.param(b'{"a":' * 2000 + b"1" + b"}" * 2000, id="deep objects"),
        pytest.param(b"\x00" * 100, id="NULs"),
    ],
)  # fmt: skip
def test_what_is_no_body(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        splice.read(body)
    assert refused.value.name == "invalid_json"


@settings(max_examples=500)
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read = splice.read(body)
    except Refusal:
        return
    assert read == read_again(body)


def peak(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of processor time, and the most memory in megabytes at a time."""
    tracemalloc.start()
    began = process_time()
    try:
        work()
    finally:
        seconds, (_, most) = process_time() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return seconds, most / MEGABYTE


def huge(size: int) -> bytes:
    return b'{"input": "' + b"a" * size + b'"}'


def stacked(data: bytes) -> bytes:
    return zlib.compress(zlib.compress(data, 9), 9)


CAP: Final = 4 * MEGABYTE
BOMBS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": lambda data: zlib.compress(data, 9, wbits=31),
    "deflate": lambda data: zlib.compress(data, 9),
    "br": lambda data: brotli.compress(data, quality=5),
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}


@pytest.mark.parametrize("encoding", BOMBS)
def test_a_bomb_is_held_to_the_cap(encoding: str, tally: Tally) -> None:
    bomb = BOMBS[encoding](bytes(25 * CAP))

    def defuse() -> None:
        with pytest.raises(TooLargeError):
            decode(bomb, encoding, CAP)

    seconds, megabytes = peak(defuse)
    assert megabytes < 4 * CAP / MEGABYTE
    what = f"bomb of {len(bomb):,} bytes for 100 MB in {encoding}, cap 4 MB"
    tally.add("memory", what, tried=1, lost=0, figures=f"{megabytes:.1f} MB traced, {seconds:.2f} s of processor time")


def test_of_a_stacked_bomb_one_layer_alone_is_opened() -> None:
    opened = decode(stacked(bytes(25 * CAP)), "deflate", CAP)
    assert len(opened) < CAP
    with pytest.raises(Refusal):
        splice.read(opened)


@pytest.mark.parametrize("encoding", BOMBS)
@settings(max_examples=100)
@given(cut=st.integers(0, 60), junk=st.binary(max_size=4))
def test_what_is_cut_or_goes_on_is_corrupt(encoding: str, cut: int, junk: bytes) -> None:
    data = b'{"input": "some text or other"}'
    whole = BOMBS[encoding](data)
    sent = whole[: len(whole) - cut] + junk
    try:
        opened = decode(sent, encoding, CAP)
    except CorruptError:
        return
    assert opened == data or (cut and junk)  # neither br nor zstd carries a checksum
    assert sent == whole or cut


def keys(written: bytes, count: int, step: int = 1) -> bytes:
    """An object of as many distinct keys; what finds duplicates among them has to look at each."""
    return b"{" + b",".join(b'"%s": 1' % (written % (number * step)) for number in range(count)) + b"}"


FLOODS: Final[dict[str, Callable[[], bytes]]] = {
    "one text": lambda: huge(MEGABYTE),
    "keys": lambda: b'{"metadata": {' + b",".join(b'"k%d": "v"' % n for n in range(40_000)) + b"}}",
    "keys at the top": lambda: keys(b"k%d", 40_000),
    "keys as escapes": lambda: keys(b"\\u006b%d", 40_000),
    "keys alike but for their ends": lambda: keys(b"a" * 80 + b"%08d", 10_000),
    "keys alike but for their beginnings": lambda: keys(b"%08d" + b"a" * 80, 10_000),
    "keys that are one number to Python's hash": lambda: keys(b"%d", 40_000, 2**61 - 1),
    "a key twice, at the end": lambda: keys(b"k%d", 80_000)[:-1] + b',"k0": 1}',
    "small objects": lambda: b'{"input": [' + b",".join([b'{"a": {"b": 1}}'] * 40_000) + b"]}",
    "items": lambda: b'{"input": [' + b",".join([b'{"role": "user", "content": "a"}'] * 20_000) + b"]}",
    "refused items": lambda: b'{"input": [' + b",".join([b'{"type": "item_reference"}'] * 20_000) + b"]}",
    "empty lists": lambda: b'{"input": [' + b",".join([b"[]"] * 250_000) + b"]}",
    "numbers": lambda: b'{"input": [' + b",".join([b"1"] * 300_000) + b"]}",
    "one number": lambda: b'{"top_p": 1' + b"0" * 4000 + b"}",
    "one number of a megabyte": lambda: b'{"top_p": 0.' + b"1" * MEGABYTE + b"}",
    "escapes": lambda: b'{"input": "' + b"\\u0041" * 150_000 + b'"}',
    "backslashes": lambda: b'{"input": "' + b"\\\\" * 400_000 + b'"}',
    "empty strings behind commas in one": lambda: b'{"input": "' + b"," * 520_000 + b'"' + b'""' * 200_000,
    "white space": lambda: b"{" + b" " * MEGABYTE + b'"input": "a"}',
    "base64": lambda: b'{"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:;base64,'
    + b"A" * MEGABYTE + b'"}]}]}',
    "nested as deep as may be": lambda: b'{"input": [' + b",".join([b"[" * 60 + b"]" * 60] * 5_000) + b"]}",
}  # fmt: skip


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("mode", ["enforce", pytest.param("warn", marks=pytest.mark.long)])
def test_a_flood_is_borne(flood: str, mode: Literal["enforce", "warn"], tally: Tally) -> None:
    """Read, judged and spliced, in time and memory that grow with its size alone; the figures are for the reader."""
    body = FLOODS[flood]()

    def bear() -> None:
        try:
            document = splice.read(body)
            verdict = judge(document, MODEL, PolicySettings(mode=mode))
            assert len(verdict.refused) <= 1000
            assert len(verdict.warned) <= 100
            if not verdict.refused:
                splice.splice(body, document, {**verdict.members, "model": "m"})
        except Refusal as refused:
            assert refused.name == "invalid_json"  # noqa: PT017 - or none at all

    began = process_time()
    bear()
    seconds = process_time() - began
    _, megabytes = peak(bear)
    size = len(body) / MEGABYTE
    assert megabytes < 100 * max(size, 1)
    tally.add(
        "memory",
        f"flood: {flood}, {size:.1f} MB, {mode}",
        tried=1,
        lost=0,
        figures=f"{megabytes:.0f} MB traced, {seconds / size:.2f} s/MB of processor time",
    )
