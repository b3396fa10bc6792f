"""The most memory one body takes, as the process tells that judges it (``peaks.py``)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.gates.peaks import BODIES
from tests.tally import Tally

MOST: Final = 240
"""Megabytes over what the gates take without a body: the sidecar has 350 in all, and some 110 at rest."""

ROOT: Final = Path(__file__).parents[2]
NEVER_PASS: Final = {"too many objects", "too many texts", "too many lists", "more keys than one object may have"}


@pytest.mark.timeout(300)
def test_any_one_body_stays_within_the_memory_for_it(tally: Tally) -> None:
    command = [sys.executable, "-P", "-m", "tests.gates.peaks"]
    told = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=True)
    peaks: dict[str, tuple[str, float]] = json.loads(told.stdout)
    assert {name: megabytes for name, (_, megabytes) in peaks.items() if megabytes > MOST} == {}
    assert {name for name in BODIES if peaks[name][0] != "passed"} == NEVER_PASS, "the others are borne to the end"
    most = max(peaks, key=lambda name: peaks[name][1])
    figures = f"at most {peaks[most][1]:.0f} MB: {most}"
    tally.add("memory", "bodies of 32 MiB through the gates", tried=len(peaks), lost=0, figures=figures)
