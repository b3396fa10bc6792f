"""``./run.sh bench``: what the sidecar costs, as ratios to what it is built on, measured side by side in one run."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.contenders import BenchError
from tests.bench.instructions import count, missing
from tests.bench.measuring import LeftOut, measure
from tests.bench.report import chart, machine, summary, table

QUICK: Final = "less than two minutes"
"""How long ``--quick`` takes; ``./run.sh --help`` and the README say the same."""

NOTES: Final = """\
plain: mitmdump -q --mode reverse, which holds streams back whole. addon: the same with a rewriting addon and a
naive usage tap (tests/bench/rewriting.py). sidecar: every gate, limits, ledger, metrics and records on; serving: its
own JSON call. What only the sidecar has is compared with the JSON call on a kept connection, and chat completions with
the same call to Responses. litellm: LiteLLM's proxy with the model renamed, where the command litellm is there. All
dial the same provider over TLS. Medians of the rounds; ratios within a round, (lowest-highest).
CPU is the proxy's alone; calls a second depend on the cores that provider and callers share with it. The far provider
answers each connection two round trips late, as TCP and TLS make it, and what is asked of an open one at once."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 1 when a part fails. No figure makes it fail."""
    parser = argparse.ArgumentParser(prog="./run.sh bench", description="Measures what the sidecar costs.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK}; else a quarter of an hour")
    parser.add_argument("--rounds", type=int, help="how often everything is measured (default: 7; quick: 2)")
    parser.add_argument("--scale", type=float, help="calls in a round, as a factor (default: 3; quick: 0.4)")
    parser.add_argument("--instructions", action="store_true", help="also count instructions, with valgrind (minutes)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure there")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="also draw the figures with a goal there, as SVG")
    options = parser.parse_args(arguments)
    if not sys.platform.startswith("linux"):
        parser.error("it reads another process's CPU time as Linux tells it; run it there")
    rounds, scale = options.rounds or (2 if options.quick else 7), options.scale or (0.4 if options.quick else 3)
    if rounds < 1 or scale <= 0:
        parser.error("--rounds and --scale must be more than 0")
    if options.instructions and (programs := missing()):
        parser.error(f"--instructions needs {' and '.join(programs)}: apt install valgrind")
    where = machine()
    left_out: LeftOut = {}
    try:
        with tempfile.TemporaryDirectory(prefix="foundry-sidecar-bench-") as directory:
            figures = measure(rounds, scale, Path(directory), progress, left_out)
            if options.instructions:
                figures |= count(Path(directory), progress, left_out)
    except BenchError as error:
        sys.stderr.write(f"\n./run.sh bench: {error}\n")
        return 1
    progress("")
    rows = summary(figures)
    machine_line = ", ".join(f"{name} {value}" for name, value in where.items())
    sys.stdout.write(f"{machine_line}; {rounds} rounds\n\n{table(rows)}\n\n{NOTES}\n")
    for name, why in left_out.items():
        sys.stdout.write(f"\nLeft out: {why}\n" if name in why else f"\nLeft out: {name}: {why}\n")
    if options.chart:
        options.chart.write_bytes(chart(rows, machine_line))
    if options.json:
        result = {"machine": where, "rounds": rounds, "scale": scale, "left out": list(left_out), "rows": rows}
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def progress(text: str) -> None:
    """One line that is written over on a terminal; elsewhere a line for each step."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text[: shutil.get_terminal_size().columns - 1]}")
    elif text:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
