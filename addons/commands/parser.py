"""What a person may type behind ``./run.sh`` (docs/contract.md#commands)."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from addons.values.program import IN_A_CHECKOUT, PROGRAM
from addons.values.version import VERSION

CONFIG: Final = "the YAML file (default: $SIDECAR_CONFIG)"

type AddCommand = Callable[[str, str], argparse.ArgumentParser]
"""Takes a command's name and what it does."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Takes calls to Foundry's OpenAI proxy, holds them to policy, and sends them to OpenAI.",
    )
    made.add_argument("--version", action="version", version=f"foundry-sidecar {VERSION}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(command=name)
        return added

    _serving(command)
    _reading(command)
    helping = command("help", "what a command does, and its options")
    helping.add_argument("about", nargs="?", metavar="COMMAND", choices=commands.choices)
    command("completion", f"print a completion script for bash and zsh: source <({PROGRAM} completion)")
    if IN_A_CHECKOUT:  # run.sh's own
        command("test", "run the tests (pytest arguments may follow)")
        command("bench", "measure what the sidecar costs (--quick: less than two minutes)")
        command("evidence", "what was tried and what was lost, as figures (five minutes, and longer for mutants)")
    return made


def _serving(command: AddCommand) -> None:
    """Those that answer calls."""
    demo = command("demo", "show the main job end to end against a simulated provider")
    demo.add_argument("--stay", action="store_true", help="keep the sidecar up afterwards, to try it by hand")
    for name, about in (
        ("start", "run the sidecar in the foreground; without a file: development mode on loopback"),
        ("web", "the same inside mitmweb, on loopback alone"),
        ("check", "validate the configuration and print what is in force; touches nothing"),
    ):
        configured = command(name, about)
        configured.add_argument("--config", type=Path, metavar="FILE", help=CONFIG)
        configured.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="one setting, e.g. listen.reverse=127.0.0.1:9000",
        )
        if name == "check":
            configured.add_argument(
                "--no-files",
                action="store_true",
                help="check no files and no secrets, for a configuration of another machine",
            )
        else:
            configured.add_argument("--record", type=Path, metavar="FILE", help="record the calls into a new cassette")
            configured.add_argument(
                "--record-content",
                choices=("redacted", "kept"),
                default="redacted",
                help="whether texts stay out of the cassette (default) or are kept",
            )
    replay = command("replay", "the sidecar in front of recorded calls: no key, no call leaves this machine")
    replay.add_argument("file", type=Path, metavar="FILE", help="a cassette made by start --record")
    replay.add_argument("--config", type=Path, metavar="FILE", help=CONFIG)
    replay.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, as start takes it"
    )
    replay.add_argument("--speed", type=float, default=1.0, help="2: twice as fast as recorded; 0: without waiting")
    replay.add_argument("--once", action="store_true", help="give each recorded answer once alone")


def _reading(command: AddCommand) -> None:
    """Those that tell of a configuration, of calls, or of what was used."""
    hashed = command("hash-token", "print a row of the registry for a token, which comes on standard input")
    hashed.add_argument("--subject", metavar="NAME", help="print a whole row of the registry, for this subject")
    command("version", "which version this is, on which Python and mitmproxy")
    command("schema", "print the JSON Schema of the configuration file")
    policy = command("policy", "what may leave and why, row by row, under a configuration")
    policy.add_argument("--config", type=Path, metavar="FILE", help=CONFIG)
    policy.add_argument("--against", type=Path, metavar="FILE", help="another: show only what it decides otherwise")
    policy.add_argument(
        "--format",
        choices=("table", "md", "html", "json"),
        default="table",
        help="for a terminal (default), a pull request, a page to be signed off, or machines",
    )
    explain = command("explain", "what the sidecar would do with calls, and why; or what another policy changes")
    explain.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a JSON body, a folder of them, a recording, flows saved by mitmproxy, collected records; - for stdin",
    )
    explain.add_argument("--config", type=Path, metavar="FILE", help=CONFIG)
    explain.add_argument(
        "--against", type=Path, metavar="FILE", help="another configuration: show only what it would do differently"
    )
    explain.add_argument(
        "--set",
        dest="given",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting laid over --against; without that, over --config",
    )
    explain.add_argument("--json", action="store_true", help="for machines")
    usage = command("usage", "tokens and calls from the ledger")
    usage.add_argument("--config", type=Path, metavar="FILE", help=CONFIG)
    usage.add_argument("--since", default="24h", metavar="PERIOD", help="90m, 24h (default), 7d, 4w")
    usage.add_argument(
        "--by",
        default="project,model",
        metavar="NAMES",
        help="any of project,model,caller (or user),outcome,error,region,policy,minute,hour,day,month, with --shared"
        " also pod,namespace,version (default: project,model)",
    )
    form = usage.add_mutually_exclusive_group()
    for name, about in (("json", "one JSON object"), ("csv", "comma-separated values")):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, default="table", help=about)
    form.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page of tables and charts, with limits and budgets"
    )
    source = usage.add_mutually_exclusive_group()
    source.add_argument("--shared", action="store_true", help="from the ledger that all sidecars share (usage.shared)")
    source.add_argument("--records", metavar="FILE", help="from collected records: a file, a folder, or - for stdin")
    source.add_argument(
        "--migrate", action="store_true", help="create or update the shared ledger's schema; the role needs that right"
    )
    simulate = command("simulate", "run the simulated provider alone")
    simulate.add_argument("--host", default="127.0.0.1")
    simulate.add_argument("--port", type=int, default=0, help="for HTTP; TLS takes the next free one")
    simulate.add_argument("--directory", type=Path, help="where its certificates go (default: a temporary one)")
