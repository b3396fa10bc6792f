"""The command line behind ``./run.sh`` (docs/contract.md#commands)."""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while we are imported ends us without a traceback

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from addons.commands.parser import parser
from addons.configuration import overrides
from addons.configuration.errors import ConfigurationError
from addons.values.program import PROGRAM


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 for success, 1 for a failure, 2 for wrong usage or configuration, 130 after Ctrl-C."""
    os.umask(0o077)  # whatever is written: ledgers, cassettes, charts, certificates
    options = parser().parse_args(arguments)
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        overrides.apply_overrides(getattr(options, "set", ()))
        return COMMANDS[options.command](options)
    except ConfigurationError as error:
        print(f"The configuration is not right:\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _version(_options: argparse.Namespace) -> int:
    from addons.commands.version import version

    return version()


def _help(options: argparse.Namespace) -> int:
    parser().parse_args([*([options.about] if options.about else []), "--help"])
    return 0


def _completion(_options: argparse.Namespace) -> int:
    from addons.commands.completion import script

    print(script(parser()), end="")
    return 0


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
    from addons.commands.usage import ReportRequest, UsageError, dimensions, migrate, period, show, show_records
    from addons.usage.query import DIMENSIONS, SHARED_DIMENSIONS

    if options.migrate:
        return migrate(_config(options))
    try:
        by = dimensions(options.by, SHARED_DIMENSIONS if options.shared else DIMENSIONS)
        asked = ReportRequest(period(options.since), by, options.form, options.html)
    except UsageError as error:
        print(f"{PROGRAM} usage: {error}", file=sys.stderr)
        return 2
    if options.records is not None:
        return show_records(options.records, asked)
    return show(_config(options), asked, shared=options.shared)


def _simulate(options: argparse.Namespace) -> int:
    from addons.commands.simulate import simulate

    return simulate(options.host, options.port, options.directory)


COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "help": _help,
    "completion": _completion,
    "demo": _demo,
    "start": _start,
    "web": _web,
    "check": _check,
    "replay": _replay,
    "hash-token": _hash_token,
    "version": _version,
    "schema": _schema,
    "policy": _policy,
    "explain": _explain,
    "usage": _usage,
    "simulate": _simulate,
}
"""Those that are not run.sh's own."""


if __name__ == "__main__":
    sys.exit(main())
