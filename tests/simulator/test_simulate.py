import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from addons.simulator.directives import TABLE
from tests.waiting import LONGEST

SCRIPT = (
    "import sys, pathlib; from addons.simulator.simulate import simulate; simulate(directory=pathlib.Path(sys.argv[1]))"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        told = ""
        while list(TABLE)[-1] + "=" not in told:
            told += process.stdout.readline()
        assert re.search(r"HTTP   http://127\.0\.0\.1:\d+/v1\n", told)
        assert re.search(r"HTTPS  https://127\.0\.0\.1:\d+/v1\n", told)
        assert f"CA     {tmp_path / 'ca.pem'}\n" in told
        process.send_signal(number)
        assert process.communicate(timeout=LONGEST) == ("", "")
    assert process.returncode == 0
