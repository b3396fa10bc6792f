"""A plugin of pytest: writes what a run tried and lost into the file that ``EVIDENCE_FILE`` names, as JSON."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

from tests.tally import STASH

VARIABLE = "EVIDENCE_FILE"


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> Iterator[None]:
    """In the process that reports alone, once its workers have handed in what they tried."""
    yield
    counted = {outcome: len(terminalreporter.stats.get(outcome, ())) for outcome in ("passed", "failed", "error")}
    found = {"counted": counted, "rows": config.stash[STASH].rows()}
    Path(os.environ[VARIABLE]).write_text(json.dumps(found))
