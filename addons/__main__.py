"""The command line behind ``./run.sh`` (docs/contract.md#commands)."""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while we are imported ends us without a traceback

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from addons.configuration import overrides
from addons.configuration.errors import ConfigurationError

CONFIG: Final = "the YAML file (default: $SIDECAR_CONFIG)"

type AddCommand = Callable[[str, str, object], argparse.ArgumentParser]
"""Takes a command's name, what it does, and the function that does it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 for success, 1 for a failure, 2 for wrong usage or configuration."""
    os.umask(0o077)  # whatever is written: ledgers, cassettes, charts, certificates
    options = _parser().parse_args(arguments)
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        overrides.apply_overrides(getattr(options, "set", ()))
        return int(options.run(options))
    except ConfigurationError as error:
        print(f"The configuration is not right:\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run.sh",
        description="Takes calls to Foundry's OpenAI proxy, holds them to policy, and sends them to OpenAI.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, about: str, run: object) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(run=run)
        return added

    _serving(command)
    _reading(command)
    command("test", "run the tests (pytest arguments may follow)", None)
    command("bench", "measure what the sidecar costs (--quick: less than two minutes)", None)
    command("evidence", "what was tried and what was lost, as figures (some ten minutes)", None)
    return parser


def _serving(command: AddCommand) -> None:
    """Those that answer calls."""
    demo = command("demo", "show the main job end to end against a simulated provider", _demo)
    demo.add_argument("--stay", action="store_true", help="keep the sidecar up afterwards, to try it by hand")
    for name, about, run in (
        ("start", "run the sidecar in the foreground; without a file: development mode on loopback", _start),
        ("web", "the same inside mitmweb, on loopback alone", _web),
        ("check", "validate the configuration and print what is in force; touches nothing", _check),
    ):
        configured = command(name, about, run)
        configured.add_argument("--config", type=Path, metavar="FILE", help=CONFIG)
        configured.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="one setting, e.g. listen.reverse=127.0.0.1:9000",
        )
        if run is _check:
            configured.add_argument(
                "--no-files",
                action="store_true",
                help="look at no file and no secret, for a configuration of another machine",
            )
        else:
            configured.add_argument("--record", type=Path, metavar="FILE", help="record the calls into a new cassette")
            configured.add_argument(
                "--record-content",
                choices=("redacted", "kept"),
                default="redacted",
                help="whether texts stay out of the cassette (default) or are kept",
            )
    replay = command("replay", "the sidecar in front of recorded calls: no key, nothing leaves this machine", _replay)
    replay.add_argument("file", type=Path, metavar="FILE", help="a cassette made by start --record")
    replay.add_argument("--config", type=Path, metavar="FILE", help=CONFIG)
    replay.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, as start takes it"
    )
    replay.add_argument("--speed", type=float, default=1.0, help="2: twice as fast as recorded; 0: without waiting")
    replay.add_argument("--once", action="store_true", help="give each recorded answer once alone")


def _reading(command: AddCommand) -> None:
    """Those that tell of a configuration, of calls, or of what was used."""
    hashed = command("hash-token", "what the registry knows a token by; the token comes on standard input", _hash_token)
    hashed.add_argument("--subject", metavar="NAME", help="print a whole row of the registry, for this subject")
    command("version", "which version this is, on which Python and mitmproxy", _version)
    command("schema", "print the JSON Schema of the configuration file", _schema)
    policy = command("policy", "what may leave and why, row by row, under a configuration", _policy)
    policy.add_argument("--config", type=Path, metavar="FILE", help=CONFIG)
    policy.add_argument("--against", type=Path, metavar="FILE", help="another: show only what it decides otherwise")
    policy.add_argument(
        "--format",
        choices=("table", "md", "html", "json"),
        default="table",
        help="for a terminal (default), a pull request, a page to be signed off, or machines",
    )
    explain = command("explain", "what would be done with calls, and why; or what another policy changes", _explain)
    explain.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a JSON body, a folder of them, a recording, flows saved by mitmproxy, collected records; - for stdin",
    )
    explain.add_argument("--config", type=Path, metavar="FILE", help=CONFIG)
    explain.add_argument("--against", type=Path, metavar="FILE", help="another: show only what it would do otherwise")
    explain.add_argument(
        "--set",
        dest="given",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting laid over --against; without that, over --config",
    )
    explain.add_argument("--json", action="store_true", help="for machines")
    usage = command("usage", "tokens and calls from the ledger", _usage)
    usage.add_argument("--config", type=Path, metavar="FILE", help=CONFIG)
    usage.add_argument("--since", default="24h", metavar="PERIOD", help="90m, 24h (default), 7d, 4w")
    usage.add_argument(
        "--by",
        default="project,model",
        metavar="NAMES",
        help="any of project,model,caller (or user),outcome,error,region,policy,minute,hour,day,month"
        " (default: project,model)",
    )
    form = usage.add_mutually_exclusive_group()
    for name, about in (("json", "one JSON object"), ("csv", "comma-separated values")):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, default="table", help=about)
    form.add_argument("--html", type=Path, metavar="FILE", help="write a page of charts by the minute, with the limits")
    source = usage.add_mutually_exclusive_group()
    source.add_argument("--shared", action="store_true", help="from the ledger that all sidecars share (usage.shared)")
    source.add_argument("--records", metavar="FILE", help="from collected records: a file, a folder, or - for stdin")
    source.add_argument("--migrate", action="store_true", help="make the shared ledger ready, as a role that may")
    simulate = command("simulate", "run the simulated provider alone", _simulate)
    simulate.add_argument("--host", default="127.0.0.1")
    simulate.add_argument("--port", type=int, default=0, help="for HTTP; TLS takes the next free one")
    simulate.add_argument("--directory", type=Path, help="where its certificates go (default: a temporary one)")


def _version(_options: argparse.Namespace) -> int:
    from addons.commands.version import version

    return version()


def _config(options: argparse.Namespace) -> Path | None:
    if options.config:
        return Path(options.config)
    given = os.environ.get(overrides.FILE_VARIABLE)
    return Path(given) if given else None


def _demo(options: argparse.Namespace) -> int:
    from addons.commands.demo import demo

    return demo(stay=options.stay)


def _start(options: argparse.Namespace) -> int:
    return _run(options, inspect=False)


def _web(options: argparse.Namespace) -> int:
    return _run(options, inspect=True)


def _run(options: argparse.Namespace, *, inspect: bool) -> int:
    from addons.commands.start import start

    if options.record:
        from addons.commands.replay import record

        record(options.record, options.record_content)
    return start(_config(options), inspect=inspect)


def _replay(options: argparse.Namespace) -> int:
    from addons.commands.replay import replay

    return replay(options.file, _config(options), options.speed, once=options.once)


def _check(options: argparse.Namespace) -> int:
    from addons.commands.check import check

    return check(_config(options), with_files=not options.no_files)


def _schema(_options: argparse.Namespace) -> int:
    from addons.commands.check import schema

    return schema()


def _policy(options: argparse.Namespace) -> int:
    from addons.commands import policy

    return policy.run(_config(options), options.against, options.format)


def _hash_token(options: argparse.Namespace) -> int:
    from addons.commands.hash_token import hash_token

    return hash_token(options.subject)


def _explain(options: argparse.Namespace) -> int:
    from addons.commands import explain

    return explain.run(options.files, _config(options), options.against, options.given, as_json=options.json)


def _usage(options: argparse.Namespace) -> int:
    from addons.commands.usage import Asked, UsageError, dimensions, migrate, period, show, show_records
    from addons.usage.query import DIMENSIONS, SHARED_DIMENSIONS

    if options.migrate:
        return migrate(_config(options))
    try:
        by = dimensions(options.by, SHARED_DIMENSIONS if options.shared else DIMENSIONS)
        asked = Asked(period(options.since), by, options.form, options.html)
    except UsageError as error:
        print(f"./run.sh usage: {error}", file=sys.stderr)
        return 2
    if options.records is not None:
        return show_records(options.records, asked)
    return show(_config(options), asked, shared=options.shared)


def _simulate(options: argparse.Namespace) -> int:
    from addons.commands.simulate import simulate

    return simulate(options.host, options.port, options.directory)


if __name__ == "__main__":
    sys.exit(main())
