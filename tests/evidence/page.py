"""The page of evidence: one section a part, each with its command and date. Parts that were not run keep theirs."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.evidence.parts import ROOT, Found, Part

HEAD: Final = """\
# Evidence

Figures, each with the command that gave it and the day it was run. `./run.sh evidence --write` makes this page; a part
that is not run keeps what it said before. `--help` lists the options for full runs.
"""


def section(part: Part, commands: Sequence[Sequence[str]], found: Found, day: str, seconds: float) -> str:
    """``day`` as YYYY-MM-DD; ``seconds`` is how long it took."""
    lines = [f"## {part.name}", "", f"{part.about.capitalize()}.", ""]
    lines += ["| What | Tried | Lost | |", "|---|---|---|---|"]
    lines += [f"| {each.what} | {each.tried:,} | {each.lost:,} | {each.more} |" for each in found.figures]
    if found.notes:
        lines += ["", *(f"- {_plain(note)}" for note in found.notes)]
    if found.failed:
        lines += ["", "**The command ended in failure**: these figures prove nothing."]
    lines += ["", f"{day}, {seconds:.0f} s:", "", "```sh", *map(shown, commands), "```", ""]
    return "\n".join(lines)


def shown(command: Sequence[str]) -> str:
    """A command as a person would type it, without paths of this machine."""
    python, *words = command
    name = ".venv/bin/python" if python.startswith(str(ROOT)) or "/.venv/" in python else Path(python).name
    return shlex.join([name, *words])


def _plain(note: str) -> str:
    return note.replace(str(ROOT), ".")


def sections(page: str) -> dict[str, str]:
    """The sections of a page by their headings."""
    pieces = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {piece.partition("\n")[0].removeprefix("## "): piece.rstrip() + "\n" for piece in pieces}


def page(parts: Sequence[Part], before: str, made: Mapping[str, str]) -> str:
    """The page anew: what was made now, else what stood there before; a part that was never run says so."""
    kept = sections(before)
    never = {part.name: f"## {part.name}\n\n{part.about.capitalize()}. Not run yet.\n" for part in parts}
    return "\n".join([HEAD, *(made.get(part.name) or kept.get(part.name) or never[part.name] for part in parts)])
