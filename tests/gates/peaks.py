"""``python -m tests.gates.peaks``: how much memory the gates take for one body of 32 MiB, whatever it is made of.

Prints a JSON object: by the body's name, how it ended and the most megabytes it held, the body itself among them.
Each goes through the gates in a process of its own, since a process' high-water mark never falls.
"""

import asyncio
import gzip
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import brotli
import zstandard

from addons.apis.policy_settings import PolicySettings
from addons.bodies.splice import MAX_MEMBERS
from addons.foundry.refusals import Refusal
from addons.gates.body import ReadBody
from addons.gates.order import TO_ALL, Named, run
from addons.gates.policy import JudgeBody
from addons.gates.rewrite import RegionEndpoint, Rewrite
from tests.gates.calls import GPT, SOMEONE, call

SIZE: Final = 32 * 2**20
VALUES: Final = 499_900  # a few less than are allowed


def filled(head: str, piece: str, tail: str, most: int = SIZE) -> bytes:
    """As many pieces as fit, at most ``most`` of them."""
    room = SIZE - len((head + tail).encode())
    return (head + piece * min(room // len(piece.encode()), most) + tail).encode()


def listed(piece: str, values: int) -> bytes:
    """A list of what holds as many values, as many as are allowed, where the policy looks into none of them."""
    head = '{"input":"x","tools":[{"type":"function","name":"f","parameters":{"a":['
    return filled(head, piece + ",", "0]}}]}", VALUES // values)


def tool_of(members: int) -> str:
    """A tool whose parameters are as many members."""
    parameters = ",".join(f'"{number:056x}":1' for number in range(members))
    return f'{{"type":"function","name":"f","parameters":{{{parameters}}}}}'


BODIES: Final[Mapping[str, Callable[[], bytes]]] = {
    "text": lambda: filled('{"input":"', "a", '"}'),
    "text with a character of four bytes": lambda: filled('{"input":"\N{GRINNING FACE}', "a", '"}'),
    "text that is all escapes": lambda: filled('{"input":"\N{GRINNING FACE}', r"\u0061", '"}'),
    "text that is all quotes": lambda: filled('{"input":"\N{GRINNING FACE}', r"\"", '"}'),
    "text that is all commas": lambda: filled('{"input":"\N{GRINNING FACE}', ",", '"}'),
    "empty objects": lambda: listed("{}", 2),
    "objects with a member": lambda: listed('{"a":{"b":1}}', 3),
    "objects as deep as may be": lambda: listed('{"a":' * 59 + "1" + "}" * 59, 60),
    "lists as deep as may be": lambda: listed("[" * 59 + "1" + "]" * 59, 60),
    "short texts with a character of four bytes": lambda: listed(f'"\N{GRINNING FACE}{"a" * 55}"', 1),
    "long numbers": lambda: listed("1" * 60, 1),
    "keys": lambda: filled(
        '{"input":"x","tools":[', tool_of(MAX_MEMBERS) + ",", tool_of(1) + "]}", VALUES // (MAX_MEMBERS + 5)
    ),
    "more keys than one object may have": lambda: filled('{"input":"x","tools":[', tool_of(VALUES - 9), "]}", 1),
    "too many objects": lambda: filled('{"input":[', "{},", "0]}"),
    "too many texts": lambda: filled('{"input":[', '"",', "0]}"),
    "too many lists": lambda: filled('{"input":[', "[[[[[[[0]]]]]]],", "0]}"),
    "items that lose their ids": lambda: filled(
        '{"input":[', '{"id":"msg_1","role":"user","content":""},', '{"role":"user","content":""}]}', VALUES // 5
    ),
    "warnings": lambda: filled('{"input":"x","tools":[', '{"type":"mcp"},', '{"type":"mcp"}]}', VALUES // 2),
}

CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "identity": lambda body: body,
    "gzip": lambda body: gzip.compress(body, 1),
    "zstd": zstandard.compress,
    "br": lambda body: brotli.compress(body, quality=1),
}

GATES: Final = [
    Named(type(gate).__name__, gate, TO_ALL)
    for gate in (
        ReadBody(SIZE, PolicySettings().max_json_values),
        JudgeBody(PolicySettings(mode="warn")),  # goes on where enforcing would end
        Rewrite({"global": RegionEndpoint("https://api.openai.com/v1")}),
    )
]


def ended(body: bytes, coding: str) -> str:
    asked = call({"content-encoding": (coding,)}, wire_body=body, model=GPT, caller=SOMEONE, region="global")
    del body
    try:
        asyncio.run(run(GATES, asked))
    except Refusal as refusal:
        return refusal.name
    return "passed"


def peak(make: Callable[[], bytes], coding: str) -> tuple[str, float]:
    """How it ended, and the megabytes that the process held more at its peak than before there was a body."""
    reader, writer = os.pipe()
    if child := os.fork():
        os.close(writer)
        with os.fdopen(reader) as pipe:
            told = pipe.read()
        os.waitpid(child, 0)
        end, megabytes = json.loads(told)
        return end, megabytes
    before = status("VmRSS")
    body = CODINGS[coding](make())
    Path("/proc/self/clear_refs").write_text("5")  # the mark of what it took to make the body
    end = ended(body, coding)
    with os.fdopen(writer, "w") as pipe:
        json.dump((end, status("VmHWM") - before), pipe)
    os._exit(0)


def status(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    peaks = {name: peak(make, "identity") for name, make in BODIES.items()}
    packed = ("text with a character of four bytes", "keys", "too many objects")
    for coding in ("gzip", "zstd", "br"):
        peaks |= {f"{name}, {coding}": peak(BODIES[name], coding) for name in packed}
    json.dump(peaks, sys.stdout, indent=1)
