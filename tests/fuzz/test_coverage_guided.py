"""The long part: atheris, on bytes that begin as bodies, headers and streams."""

import json
import os
import re
import site
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.clients.installed import python_of
from tests.fuzz.bodies import ODD
from tests.tally import Tally

ROOT: Final = Path(__file__).parent.parent.parent
MINUTES: Final = 10

SEEDS: Final = (
    *(json.dumps({"model": "m", "input": [odd], "tools": [odd], "tool_choice": odd}).encode() for odd in ODD),
    b'{"messages": [{"role": "user", "content": "a"}], "n": 2, "stream": true, "stream_options": {}}',
    b'{"input": [[1, 2]], "dimensions": 2, "encoding_format": "base64"}',
    b'data: {"id":"c","choices":[{"index":0,"delta":{}}],"usage":null}\n\ndata: [DONE]\n\n',
    b'{"store": false, "include": ["reasoning.encrypted_content"], "metadata": {"a": "b"}}',
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"ri.compass.main.folder.a, ri.a..b.c",
    b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r","usage":{}}}\n\n',
)  # fmt: skip


@pytest.mark.long
@pytest.mark.timeout(60 * (MINUTES + 5))
def test_atheris_finds_nothing(tmp_path: Path, tally: Tally) -> None:
    seconds = int(os.environ.get("FUZZ_SECONDS", 60 * MINUTES))
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS):
        (corpus / str(number)).write_bytes(seed)
    path = os.pathsep.join([str(ROOT), *site.getsitepackages()])
    limits = [
        f"-max_total_time={seconds}",
        "-max_len=2048",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    done = subprocess.run(
        [str(python_of("atheris")), "-m", "tests.fuzz.coverage_guided", *limits, str(corpus)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    tried = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    assert tried
    figures = f"in {seconds} s; coverage from {len(SEEDS)} seeds"
    tally.add("fuzz", "bytes by atheris: bodies, headers, streams", tried=int(tried[1]), lost=0, figures=figures)
