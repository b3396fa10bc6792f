"""Records by way of Debian's rsyslog: what a sidecar writes on stdout is summed from what was kept of it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from addons.__main__ import main
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL
from tests.process.conftest import DocumentMaker, make_document, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import HELLO, post
from tests.waiting import LONGEST, eventually

__all__ = ["make_document"]
pytestmark = pytest.mark.fleet

CONFIGURATION = Path("deploy/records/rsyslog.conf")


@contextmanager
def rsyslog(directory: Path) -> Iterator[None]:
    """With the configuration of deploy/, all paths of it in one folder."""
    for name in ("containers", "sidecar", "spool"):
        (directory / name).mkdir()
    text = (
        CONFIGURATION.read_text()
        .replace("/var/log/", f"{directory}/")
        .replace("/var/spool/rsyslog", f"{directory}/spool")
    )
    file = directory / "rsyslog.conf"
    file.write_text(text)
    subprocess.run(["rsyslogd", "-N1", "-f", file], check=True, capture_output=True)
    with subprocess.Popen(
        ["rsyslogd", "-n", "-f", file, "-i", directory / "pid"], stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(LONGEST)


def test_who_used_what_is_summed_from_kept_lines(
    make_document: DocumentMaker, provider: SimulatedProvider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {**HELLO, "metadata": {"simulate": "usage=30,0,20,0"}}
    with SidecarProcess(written(tmp_path, make_document())) as sidecar, rsyslog(tmp_path):
        for _ in range(3):
            assert post(sidecar.port, body).status == 200
        lines = sidecar.records.wait("call", count=3)
        log = tmp_path / "containers/app_ns_foundry-sidecar-0123.log"
        said = [*sidecar.records.of("listening"), *lines]
        log.write_text("".join(f"2026-11-27T10:00:00.5Z stdout F {json.dumps(each)}\n" for each in said))
        kept = tmp_path / "sidecar/records.log"
        eventually(lambda: kept.exists() and len(kept.read_text().splitlines()) == 3)
    assert oct(kept.stat().st_mode & 0o777) == "0o600"
    assert main(["usage", "--records", str(kept.parent), "--by", "model,api", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["model"], row["api"], row["calls"], row["total_tokens"]) == (MODEL, "responses", 3, 150)
