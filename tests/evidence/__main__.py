"""``./run.sh evidence``: what was tried and what was lost, as figures. Five minutes; mutants take longer."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.evidence.page import page, section
from tests.evidence.parts import PARTS, ROOT, Extent, run

PAGE: Final = ROOT / "docs/evidence.md"
FULL: Final = Extent(mutants=None, stateful_mutants=300, soak_seconds=1200, long=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints each part as it ends; 1 when a command fails or anything is lost."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))  # so that the command under way ends too
    extent = _extent(options)
    made: dict[str, str] = {}
    lost = False
    for part in PARTS:
        commands = part.commands(extent)
        if not commands or (options.only and not any(word in part.name.lower() for word in options.only)):
            continue
        print(f"{part.name} …", file=sys.stderr, flush=True)
        began = time.monotonic()
        found = part.read([run(command) for command in commands])
        lost = lost or found.failed or any(figure.lost for figure in found.figures)
        made[part.name] = section(part, commands, found, f"{datetime.now(UTC):%Y-%m-%d}", time.monotonic() - began)
        print(made[part.name], flush=True)
        if options.write:  # at once: a run that is ended keeps what it has
            PAGE.write_text(page(PARTS, PAGE.read_text() if PAGE.exists() else "", made))
    return 1 if lost else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run.sh evidence", description=__doc__)
    parser.add_argument("--write", action="store_true", help="also write docs/evidence.md")
    parser.add_argument("--full", action="store_true", help="every mutant, long tests and 20 minutes of soak: hours")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="parts whose names hold one of these words")
    parser.add_argument("--mutants", type=int, metavar="N", help="of each pure room (default: 3)")
    parser.add_argument("--stateful-mutants", type=int, metavar="N", help="over exchange and usage (default: 4)")
    parser.add_argument("--soak-seconds", type=float, metavar="S", help="of soak (default: none)")
    parser.add_argument("--long", action="store_true", help="faults and fuzzing at length")
    parser.add_argument(
        "--python", nargs="+", default=(), metavar="FILE", help="interpreters of environments with another mitmproxy"
    )
    options = parser.parse_args(arguments)
    options.only = [word.lower() for word in options.only or ()]
    for name in ("mutants", "stateful_mutants", "soak_seconds"):
        if getattr(options, name) is not None and getattr(options, name) <= 0:
            parser.error(f"--{name.replace('_', '-')} must be more than 0")
    if missing := [file for file in options.python if not Path(file).exists()]:
        parser.error(f"--python: there is no {missing[0]}")
    if unknown := [word for word in options.only if not any(word in part.name.lower() for part in PARTS)]:
        parser.error(f"--only: no part's name holds {unknown[0]}; parts: {', '.join(part.name for part in PARTS)}")
    return options


def _extent(options: argparse.Namespace) -> Extent:
    """What was asked for, over the full or the small extent."""
    base = FULL if options.full else Extent()
    return Extent(
        mutants=options.mutants or base.mutants,
        stateful_mutants=options.stateful_mutants or base.stateful_mutants,
        soak_seconds=options.soak_seconds or base.soak_seconds,
        long=options.long or base.long,
        pythons=tuple(options.python),
    )


if __name__ == "__main__":
    sys.exit(main())
