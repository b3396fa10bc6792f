"""A whole program replaces nothing of mitmproxy's, the parsers' or asyncio's, with its log and its signals."""

import json
import signal
from pathlib import Path

import pytest

from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import post
from tests.waiting import eventually

LOOKING = """
import json, signal
from pathlib import Path
from tests.proxy.test_traps import changed, definitions, on_instances

before = definitions()

def look(*_):
    made = Path({made!r})
    made.with_suffix(".part").write_text(json.dumps([sorted(changed(before, definitions())), on_instances()]))
    made.with_suffix(".part").rename(made)

signal.signal(signal.SIGALRM, look)  # mitmproxy has others
"""

REPLACING = """
from tests.proxy.test_traps import Ours
from mitmproxy.addons.proxyserver import Proxyserver

Proxyserver.running = Ours()
"""


@pytest.mark.parametrize(
    ("more", "found"), [("", []), (REPLACING, ["mitmproxy.addons.proxyserver.Proxyserver.running"])]
)
def test_what_a_program_replaces(make_document: DocumentMaker, tmp_path: Path, more: str, found: list[str]) -> None:
    made = tmp_path / "found"
    with SidecarProcess(written(tmp_path, make_document()), before=LOOKING.format(made=str(made)) + more) as sidecar:
        if not more:
            assert post(sidecar.port).status == 200
        sidecar.signal(signal.SIGALRM)
        eventually(made.exists)
    assert json.loads(made.read_text()) == [found, []]
